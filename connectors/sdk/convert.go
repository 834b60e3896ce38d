package sdk

import (
	"time"

	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// pairs lists the two spellings of an enumeration: ours and the protocol's.
type pairs[A, B comparable] []struct {
	ours  A
	proto B
}

func (ps pairs[A, B]) toProto(a A) (b B) {
	for _, p := range ps {
		if p.ours == a {
			return p.proto
		}
	}
	return b
}

func (ps pairs[A, B]) fromProto(b B) (a A) {
	for _, p := range ps {
		if p.proto == b {
			return p.ours
		}
	}
	return a
}

func kinds() pairs[Kind, connectorv1.Setting_Kind] {
	return pairs[Kind, connectorv1.Setting_Kind]{
		{Text, connectorv1.Setting_KIND_TEXT},
		{GUID, connectorv1.Setting_KIND_GUID},
		{URL, connectorv1.Setting_KIND_URL},
		{File, connectorv1.Setting_KIND_FILE},
		{Bool, connectorv1.Setting_KIND_BOOL},
		{Choice, connectorv1.Setting_KIND_CHOICE},
	}
}

func findingStates() pairs[FindingState, connectorv1.Finding_State] {
	return pairs[FindingState, connectorv1.Finding_State]{
		{OK, connectorv1.Finding_STATE_OK},
		{Warned, connectorv1.Finding_STATE_WARNING},
		{Failed, connectorv1.Finding_STATE_FAILED},
	}
}

func extents() pairs[Extent, connectorv1.CheckRequest_Extent] {
	return pairs[Extent, connectorv1.CheckRequest_Extent]{
		{Offline, connectorv1.CheckRequest_EXTENT_OFFLINE},
		{Credentials, connectorv1.CheckRequest_EXTENT_CREDENTIALS},
		{Full, connectorv1.CheckRequest_EXTENT_FULL},
	}
}

func grants() pairs[Grant, connectorv1.Permission_Grant] {
	return pairs[Grant, connectorv1.Permission_Grant]{
		{Granted, connectorv1.Permission_GRANT_GRANTED},
		{Missing, connectorv1.Permission_GRANT_MISSING},
	}
}

// each converts a slice.
func each[A, B any](as []A, convert func(A) B) []B {
	if len(as) == 0 {
		return nil
	}
	bs := make([]B, len(as))
	for i, a := range as {
		bs[i] = convert(a)
	}
	return bs
}

func settingToProto(s Setting) *connectorv1.Setting {
	return &connectorv1.Setting{
		Name: s.Name, Kind: kinds().toProto(s.Kind), Secret: s.Secret, Required: s.Required,
		DefaultValue: s.Default, Choices: s.Choices, Help: s.Help,
	}
}

func settingFromProto(s *connectorv1.Setting) Setting {
	return Setting{
		Name: s.GetName(), Kind: kinds().fromProto(s.GetKind()), Secret: s.GetSecret(), Required: s.GetRequired(),
		Default: s.GetDefaultValue(), Choices: s.GetChoices(), Help: s.GetHelp(),
	}
}

func entityToProto(e Entity) *connectorv1.Entity {
	return &connectorv1.Entity{Name: e.Name, Navigations: e.Navigations}
}

func entityFromProto(e *connectorv1.Entity) Entity {
	return Entity{Name: e.GetName(), Navigations: e.GetNavigations()}
}

func connectionToProto(c Connection) *connectorv1.Connection {
	return &connectorv1.Connection{
		Id: c.ID, Settings: c.Settings, Secrets: c.Secrets,
		Network: &connectorv1.Network{
			Proxy: c.Network.Proxy, NoProxy: c.Network.NoProxy, TrustedCertificates: c.Network.TrustedCertificates,
		},
	}
}

func connectionFromProto(c *connectorv1.Connection) Connection {
	n := c.GetNetwork()
	return Connection{
		ID: c.GetId(), Settings: c.GetSettings(), Secrets: c.GetSecrets(),
		Network: Network{Proxy: n.GetProxy(), NoProxy: n.GetNoProxy(), TrustedCertificates: n.GetTrustedCertificates()},
	}
}

func collectionToProto(c Collection) *connectorv1.Collection {
	return &connectorv1.Collection{Entity: c.Entity, Navigations: c.Navigations, Cookie: c.Cookie}
}

func collectionFromProto(c *connectorv1.Collection) Collection {
	return Collection{Entity: c.GetEntity(), Navigations: c.GetNavigations(), Cookie: c.GetCookie()}
}

func attributeToProto(a Attribute) *connectorv1.Attribute {
	return &connectorv1.Attribute{Path: a.Path, Entities: a.Entities}
}

func attributeFromProto(a *connectorv1.Attribute) Attribute {
	return Attribute{Path: a.GetPath(), Entities: a.GetEntities()}
}

func reportToProto(r CheckReport) *connectorv1.CheckResponse {
	return &connectorv1.CheckResponse{
		Findings: each(r.Findings, findingToProto), Permissions: each(r.Permissions, permissionToProto), ConsentUrl: r.ConsentURL,
	}
}

func reportFromProto(r *connectorv1.CheckResponse) CheckReport {
	return CheckReport{
		Findings: each(r.GetFindings(), findingFromProto), Permissions: each(r.GetPermissions(), permissionFromProto), ConsentURL: r.GetConsentUrl(),
	}
}

func findingToProto(f Finding) *connectorv1.Finding {
	out := &connectorv1.Finding{
		State: findingStates().toProto(f.State), Subject: f.Subject, Message: f.Message, Hint: f.Hint, Setting: f.Setting,
	}
	if !f.Ends.IsZero() {
		out.Ends = f.Ends.Unix()
	}
	return out
}

func findingFromProto(f *connectorv1.Finding) Finding {
	out := Finding{
		State: findingStates().fromProto(f.GetState()), Subject: f.GetSubject(), Message: f.GetMessage(),
		Hint: f.GetHint(), Setting: f.GetSetting(),
	}
	if f.GetEnds() != 0 {
		out.Ends = time.Unix(f.GetEnds(), 0).UTC()
	}
	return out
}

func permissionToProto(p Permission) *connectorv1.Permission {
	return &connectorv1.Permission{
		Name: p.Name, Id: p.ID, Purpose: p.Purpose, Grant: grants().toProto(p.Grant), GrantedBy: p.GrantedBy, Instead: p.Instead,
		Optional: p.Optional,
	}
}

func permissionFromProto(p *connectorv1.Permission) Permission {
	return Permission{
		Name: p.GetName(), ID: p.GetId(), Purpose: p.GetPurpose(), Grant: grants().fromProto(p.GetGrant()),
		GrantedBy: p.GetGrantedBy(), Instead: p.GetInstead(),
		Optional: p.GetOptional(),
	}
}

func progressToProto(p Progress) *connectorv1.Progress {
	out := &connectorv1.Progress{
		Requests: p.Requests, ResourceUnits: p.ResourceUnits, ThrottledMs: p.ThrottledMS,
		WaitingMs: p.WaitingMS, Reason: p.Reason,
	}
	for i, pages := range p.Pages {
		out.Collections = append(out.Collections, &connectorv1.CollectionProgress{Collection: uint32(i), Pages: pages})
	}
	return out
}

func progressFromProto(p *connectorv1.Progress, collections int) Progress {
	out := Progress{
		Requests: p.GetRequests(), ResourceUnits: p.GetResourceUnits(), ThrottledMS: p.GetThrottledMs(),
		WaitingMS: p.GetWaitingMs(), Reason: p.GetReason(), Pages: make([]uint64, collections),
	}
	for _, c := range p.GetCollections() {
		if i := int(c.GetCollection()); i < collections {
			out.Pages[i] = c.GetPages()
		}
	}
	return out
}
