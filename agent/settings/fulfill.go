package settings

import (
	"path/filepath"
	"time"

	"github.com/usher-iga/usher/agent/settings/tree"
)

const (
	// defaultFulfillConnector carries out the orders of a connection that names none.
	defaultFulfillConnector = "entra-fulfill"
	// ordersFolder is the folder of watched folders, named as in the reference product.
	ordersFolder = "ProvisioningOrders"
	// defaultOrderRetention is 90 days.
	defaultOrderRetention = "2160h"
)

// Fulfillment is how the orders of a connection are carried out.
type Fulfillment struct {
	Connector    string        // name of the connector program; "entra-fulfill" by default
	OrdersFolder string        // absolute; ProvisioningOrdersPath, by default ProvisioningOrders/<connection> in the work folder
	Retention    time.Duration // OrderRetention: how long what orders asked for is kept after their end; 2160 h by default
	Limits       OrderLimits

	// MappingFiles are the files of EntityTypeMappingFiles, as absolute paths, with the places that
	// name them; there the mappings of resource types stand.
	MappingFiles []tree.Item
	// PasswordSets are the sets of PasswordResetSettings that stand in these files.
	PasswordSets []PasswordSet
}

// OrderLimits bound what the orders of one intake, such as a file, may do before it is held. The
// fields are named like the keys; 0, the default, is no bound.
type OrderLimits struct {
	MaximumDeletes, MaximumDisables, MaximumLinkRemovals                   uint64
	MaxPercentageDeletes, MaxPercentageDisables, MaxPercentageLinkRemovals uint64 // of what is known
}

// fulfillment reads how the orders of a connection are carried out. work is the work folder.
func fulfillment(s tree.Section, id, work string) Fulfillment {
	f := Fulfillment{
		Connector: connectorName(s, "FulfillConnector", defaultFulfillConnector),
		Retention: s.Duration("OrderRetention", defaultOrderRetention),
		Limits: OrderLimits{
			MaximumDeletes:            s.Count("MaximumDeletes"),
			MaximumDisables:           s.Count("MaximumDisables"),
			MaximumLinkRemovals:       s.Count("MaximumLinkRemovals"),
			MaxPercentageDeletes:      s.Count("MaxPercentageDeletes"),
			MaxPercentageDisables:     s.Count("MaxPercentageDisables"),
			MaxPercentageLinkRemovals: s.Count("MaxPercentageLinkRemovals"),
		},
	}
	f.OrdersFolder, _ = s.Folder("ProvisioningOrdersPath", filepath.Join(work, ordersFolder, id))
	return f
}
