package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestErrorText(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"message", fault.Errorf(fault.Invalid, "no %s", "key"), "no key"},
		{"wrapped cause stands once", fault.Errorf(fault.Storage, "read a: %w", io.ErrUnexpectedEOF), "read a: unexpected EOF"},
		{"cause beside the message", &fault.Error{Code: fault.Storage, Message: "read a", Err: io.EOF}, "read a: EOF"},
		{"ids", &fault.Error{Code: fault.Forbidden, Message: "refused", SystemCode: "X", RequestID: "1", ClientRequestID: "2"},
			"refused (code X, request-id 1, client-request-id 2)"},
		{"hint stays out", fault.Errorf(fault.Invalid, "bad").WithHint("do %d", 1), "bad"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestCodeOf(t *testing.T) {
	inner := fault.Errorf(fault.Throttled, "slow: %w", io.EOF)
	for _, tc := range []struct {
		err  error
		want fault.Code
	}{
		{nil, ""},
		{io.EOF, fault.Internal},
		{context.Canceled, fault.Canceled},
		{inner, fault.Throttled},
		{fmt.Errorf("outside: %w", inner), fault.Throttled},
		{fault.Errorf(fault.Unavailable, "over: %w", inner), fault.Unavailable},
	} {
		if got := fault.CodeOf(tc.err); got != tc.want {
			t.Errorf("CodeOf(%v) = %q, want %q", tc.err, got, tc.want)
		}
	}
	if !errors.Is(inner, io.EOF) {
		t.Error("the cause is lost")
	}
	if !fault.Is(inner, fault.Throttled) || fault.Is(nil, fault.Internal) {
		t.Error("Is")
	}
}
