package sdk

import (
	"encoding/json"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

func operations() pairs[Operation, connectorv1.Order_Operation] {
	return pairs[Operation, connectorv1.Order_Operation]{
		{Create, connectorv1.Order_OPERATION_CREATE},
		{Update, connectorv1.Order_OPERATION_UPDATE},
		{Delete, connectorv1.Order_OPERATION_DELETE},
		{Restore, connectorv1.Order_OPERATION_RESTORE},
		{Enable, connectorv1.Order_OPERATION_ENABLE},
		{Disable, connectorv1.Order_OPERATION_DISABLE},
		{Invite, connectorv1.Order_OPERATION_INVITE},
		{RevokeSessions, connectorv1.Order_OPERATION_REVOKE_SESSIONS},
		{SetPassword, connectorv1.Order_OPERATION_SET_PASSWORD},
	}
}

func startToProto(c Connection) *connectorv1.FulfillStart {
	out := &connectorv1.FulfillStart{Connection: connectionToProto(c)}
	if !c.LastWrite.IsZero() {
		out.LastWriteMs = c.LastWrite.UnixMilli()
	}
	return out
}

func startFromProto(s *connectorv1.FulfillStart) Connection {
	out := connectionFromProto(s.GetConnection())
	if s.GetLastWriteMs() != 0 {
		out.LastWrite = time.UnixMilli(s.GetLastWriteMs()).UTC()
	}
	return out
}

func orderToProto(o Order) *connectorv1.Order {
	out := &connectorv1.Order{
		Id: o.ID, Operation: operations().toProto(o.Operation), Entity: o.Entity, Uncertain: o.Uncertain, Secrets: o.Secrets,
		Attributes: each(o.Attributes, func(a OrderAttribute) *connectorv1.OrderAttribute {
			return &connectorv1.OrderAttribute{Path: a.Path, Json: a.Value}
		}),
		Links: each(o.Links, func(l LinkChange) *connectorv1.LinkChange {
			return &connectorv1.LinkChange{
				Navigation: l.Navigation, Add: each(l.Add, keyToProto), Remove: each(l.Remove, keyToProto),
				Details: each(l.Details, func(d json.RawMessage) []byte { return d }),
			}
		}),
	}
	if o.Key != (ObjectKey{}) {
		out.Key = keyToProto(o.Key)
	}
	if !o.FirstAttempt.IsZero() {
		out.FirstAttempt = o.FirstAttempt.Unix()
	}
	return out
}

func orderFromProto(o *connectorv1.Order) Order {
	out := Order{
		ID: o.GetId(), Operation: operations().fromProto(o.GetOperation()), Entity: o.GetEntity(),
		Key: keyFromProto(o.GetKey()), Uncertain: o.GetUncertain(), Secrets: o.GetSecrets(),
		Attributes: each(o.GetAttributes(), func(a *connectorv1.OrderAttribute) OrderAttribute {
			return OrderAttribute{Path: a.GetPath(), Value: a.GetJson()}
		}),
		Links: each(o.GetLinks(), func(l *connectorv1.LinkChange) LinkChange {
			return LinkChange{
				Navigation: l.GetNavigation(), Add: each(l.GetAdd(), keyFromProto), Remove: each(l.GetRemove(), keyFromProto),
				Details: each(l.GetDetails(), func(d []byte) json.RawMessage { return d }),
			}
		}),
	}
	if o.GetFirstAttempt() != 0 {
		out.FirstAttempt = time.Unix(o.GetFirstAttempt(), 0).UTC()
	}
	return out
}

func keyToProto(k ObjectKey) *connectorv1.ObjectKey {
	return &connectorv1.ObjectKey{Id: k.ID, Attribute: k.Attribute, Value: k.Value}
}

func keyFromProto(k *connectorv1.ObjectKey) ObjectKey {
	return ObjectKey{ID: k.GetId(), Attribute: k.GetAttribute(), Value: k.GetValue()}
}

func namedToProto(o NamedObject) *connectorv1.NamedObject {
	return &connectorv1.NamedObject{Entity: o.Entity, Navigation: o.Navigation, Key: keyToProto(o.Key)}
}

func namedFromProto(o *connectorv1.NamedObject) NamedObject {
	return NamedObject{Entity: o.GetEntity(), Navigation: o.GetNavigation(), Key: keyFromProto(o.GetKey())}
}

func problemToProto(p OrderProblem) *connectorv1.OrderProblem {
	return &connectorv1.OrderProblem{Order: p.Order, Attribute: p.Attribute, Message: p.Message, Hint: p.Hint}
}

func problemFromProto(p *connectorv1.OrderProblem) OrderProblem {
	return OrderProblem{Order: p.GetOrder(), Attribute: p.GetAttribute(), Message: p.GetMessage(), Hint: p.GetHint()}
}

// failureToProto gives nil for nil.
func failureToProto(f *fault.Error) *connectorv1.Failure {
	if f == nil {
		return nil
	}
	return failureOf(f)
}

// failureFromProto gives nil for nil.
func failureFromProto(f *connectorv1.Failure) *fault.Error {
	if f == nil {
		return nil
	}
	return faultOf(f)
}

func outcomeToProto(o Outcome) *connectorv1.Outcome {
	return &connectorv1.Outcome{
		Order: o.Order, Failure: failureToProto(o.Failure), Unchanged: o.Unchanged, ObjectId: o.ObjectID,
		Attempts: uint32(o.Attempts), Details: o.Details,
		Exchanges: each(o.Exchanges, func(e Exchange) *connectorv1.Exchange {
			return &connectorv1.Exchange{
				Method: e.Method, Path: e.Path, Body: e.Body, Status: int32(e.Status),
				RequestId: e.RequestID, ClientRequestId: e.ClientRequestID, ErrorCode: e.ErrorCode, TimeMs: e.Time.UnixMilli(),
			}
		}),
		Changes: each(o.Changes, changeToProto),
		FailedLinks: each(o.FailedLinks, func(l FailedLink) *connectorv1.FailedLink {
			return &connectorv1.FailedLink{Navigation: l.Navigation, Key: keyToProto(l.Key), Removal: l.Removal, Failure: failureToProto(l.Failure)}
		}),
	}
}

func outcomeFromProto(o *connectorv1.Outcome) Outcome {
	return Outcome{
		Order: o.GetOrder(), Failure: failureFromProto(o.GetFailure()), Unchanged: o.GetUnchanged(), ObjectID: o.GetObjectId(),
		Attempts: int(o.GetAttempts()), Details: o.GetDetails(),
		Exchanges: each(o.GetExchanges(), func(e *connectorv1.Exchange) Exchange {
			return Exchange{
				Method: e.GetMethod(), Path: e.GetPath(), Body: e.GetBody(), Status: int(e.GetStatus()),
				RequestID: e.GetRequestId(), ClientRequestID: e.GetClientRequestId(), ErrorCode: e.GetErrorCode(), Time: time.UnixMilli(e.GetTimeMs()).UTC(),
			}
		}),
		Changes: each(o.GetChanges(), changeFromProto),
		FailedLinks: each(o.GetFailedLinks(), func(l *connectorv1.FailedLink) FailedLink {
			return FailedLink{Navigation: l.GetNavigation(), Key: keyFromProto(l.GetKey()), Removal: l.GetRemoval(), Failure: failureFromProto(l.GetFailure())}
		}),
	}
}

func changeToProto(c AttributeChange) *connectorv1.AttributeChange {
	return &connectorv1.AttributeChange{Path: c.Path, Before: c.Before, After: c.After}
}

func changeFromProto(c *connectorv1.AttributeChange) AttributeChange {
	return AttributeChange{Path: c.GetPath(), Before: c.GetBefore(), After: c.GetAfter()}
}

func orderProgressToProto(p OrderProgress) *connectorv1.OrderProgress {
	return &connectorv1.OrderProgress{
		Requests: p.Requests, Writes: p.Writes, ThrottledMs: p.ThrottledMS, WaitingMs: p.WaitingMS, Reason: p.Reason,
	}
}

func orderProgressFromProto(p *connectorv1.OrderProgress) OrderProgress {
	return OrderProgress{
		Requests: p.GetRequests(), Writes: p.GetWrites(), ThrottledMS: p.GetThrottledMs(), WaitingMS: p.GetWaitingMs(), Reason: p.GetReason(),
	}
}

func previewToProto(p Preview) *connectorv1.PreviewResponse {
	return &connectorv1.PreviewResponse{
		Order: p.Order, Failure: failureToProto(p.Failure), Unchanged: p.Unchanged, ObjectId: p.ObjectID, Title: p.Title,
		Changes: each(p.Changes, changeToProto),
	}
}

func previewFromProto(p *connectorv1.PreviewResponse) Preview {
	return Preview{
		Order: p.GetOrder(), Failure: failureFromProto(p.GetFailure()), Unchanged: p.GetUnchanged(), ObjectID: p.GetObjectId(), Title: p.GetTitle(),
		Changes: each(p.GetChanges(), changeFromProto),
	}
}

func actionToProto(a Action) *connectorv1.Action {
	return &connectorv1.Action{
		Name: a.Name, Title: a.Title, Description: a.Description, InputSchema: a.InputSchema, OutputSchema: a.OutputSchema,
		Writes: a.Writes, Permissions: a.Permissions,
	}
}

func actionFromProto(a *connectorv1.Action) Action {
	return Action{
		Name: a.GetName(), Title: a.GetTitle(), Description: a.GetDescription(), InputSchema: a.GetInputSchema(), OutputSchema: a.GetOutputSchema(),
		Writes: a.GetWrites(), Permissions: a.GetPermissions(),
	}
}
