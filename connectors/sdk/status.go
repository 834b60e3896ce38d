package sdk

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/usher-iga/usher/connectors/sdk/fault"
	connectorv1 "github.com/usher-iga/usher/proto/connector/v1"
)

// toStatus carries err over the plugin boundary: as a gRPC status with a Failure
// that holds all fields of the fault. Causes arrive as part of the message.
func toStatus(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) || fault.Is(err, fault.Canceled):
		return status.Error(codes.Canceled, err.Error())
	}
	f := fault.Of(err)
	if f == nil {
		f = fault.Errorf(fault.Internal, "%v", err)
	}
	bare := *f // the ids travel in fields of their own
	bare.SystemCode, bare.RequestID, bare.ClientRequestID = "", "", ""
	message := strings.Replace(err.Error(), f.Error(), bare.Error(), 1) // with what was said around the fault
	st, detailErr := status.New(codes.Unknown, message).WithDetails(&connectorv1.Failure{
		Code: string(f.Code), Message: message, Hint: f.Hint, Setting: f.Setting,
		SystemCode: f.SystemCode, RequestId: f.RequestID, ClientRequestId: f.ClientRequestID,
	})
	if detailErr != nil {
		return status.Error(codes.Unknown, message)
	}
	return st.Err()
}

// fromStatus turns a gRPC error back into what [toStatus] was given. An error that
// no connector has made, such as a lost connection, becomes a fault.Connector.
func fromStatus(err error) error {
	if err == nil {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return err // not of gRPC: the agent's own, such as an error of its sink
	}
	for _, detail := range st.Details() {
		if f, ok := detail.(*connectorv1.Failure); ok {
			return &fault.Error{
				Code: fault.Code(f.GetCode()), Message: f.GetMessage(), Hint: f.GetHint(), Setting: f.GetSetting(),
				SystemCode: f.GetSystemCode(), RequestID: f.GetRequestId(), ClientRequestID: f.GetClientRequestId(),
			}
		}
	}
	switch st.Code() {
	case codes.Canceled:
		return fault.Errorf(fault.Canceled, "cancelled: %w", context.Canceled)
	case codes.Unimplemented:
		return fault.Errorf(fault.Connector, "the connector does not know this call: %s", st.Message())
	default:
		return fault.Errorf(fault.Connector, "the connection to the connector broke: %s", st.Message())
	}
}
