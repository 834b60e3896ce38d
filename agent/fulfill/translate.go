package fulfill

import (
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk"
)

// toSDK is an order as connectors take it. References to orders must be resolved.
func toSDK(o *order.Order) sdk.Order {
	to := sdk.Order{ID: o.ID, Operation: o.Operation, Entity: o.Entity, Key: o.Key.Key()}
	for _, a := range o.Attributes {
		to.Attributes = append(to.Attributes, sdk.OrderAttribute{Path: a.Path, Value: a.Value})
	}
	for _, l := range o.Links {
		to.Links = append(to.Links, sdk.LinkChange{Navigation: l.Navigation, Add: keys(l.Add), Remove: keys(l.Remove), Details: l.Details})
	}
	return to
}

func keys(refs []order.Ref) (keys []sdk.ObjectKey) {
	for _, r := range refs {
		keys = append(keys, r.Key())
	}
	return keys
}

// someObject stands for an object that is not made yet where a connector looks at an order without
// the network.
const someObject = "00000000-0000-0000-0000-000000000000"

// toExamine is an order for Examine: what is not there yet has a stand-in.
func toExamine(o *order.Order) sdk.Order {
	to := toSDK(o)
	stand := func(k *sdk.ObjectKey, r order.Ref) {
		if r.Order != "" {
			k.ID = someObject
		}
	}
	stand(&to.Key, o.Key)
	for i, l := range o.Links {
		for n, r := range l.Add {
			stand(&to.Links[i].Add[n], r)
		}
		for n, r := range l.Remove {
			stand(&to.Links[i].Remove[n], r)
		}
	}
	to.Secrets = hiddenSecrets(o)
	return to
}

// hiddenSecrets has the paths of the secrets of an order, and stand-ins for the values.
func hiddenSecrets(o *order.Order) map[string]string {
	if len(o.Secrets) == 0 {
		return nil
	}
	hidden := make(map[string]string, len(o.Secrets))
	for _, s := range o.Secrets {
		hidden[s.Path] = secret.Hidden
	}
	return hidden
}
