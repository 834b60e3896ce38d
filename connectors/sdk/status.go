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
	failure := failureOf(err)
	st, detailErr := status.New(codes.Unknown, failure.GetMessage()).WithDetails(failure)
	if detailErr != nil {
		return status.Error(codes.Unknown, failure.GetMessage())
	}
	return st.Err()
}

// failureOf makes a message of an error, with what was said around its fault.
func failureOf(err error) *connectorv1.Failure {
	f := fault.Of(err)
	if f == nil {
		f = fault.Errorf(fault.Internal, "%v", err)
	}
	bare := *f // the ids travel in fields of their own
	bare.SystemCode, bare.RequestID, bare.ClientRequestID = "", "", ""
	return &connectorv1.Failure{
		Code: string(f.Code), Message: strings.Replace(err.Error(), f.Error(), bare.Error(), 1), Hint: f.Hint, Setting: f.Setting,
		SystemCode: f.SystemCode, RequestId: f.RequestID, ClientRequestId: f.ClientRequestID,
	}
}

// faultOf is the other way round.
func faultOf(f *connectorv1.Failure) *fault.Error {
	return &fault.Error{
		Code: fault.Code(f.GetCode()), Message: f.GetMessage(), Hint: f.GetHint(), Setting: f.GetSetting(),
		SystemCode: f.GetSystemCode(), RequestID: f.GetRequestId(), ClientRequestID: f.GetClientRequestId(),
	}
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
			return faultOf(f)
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
