package quota

import (
	"testing"
	"time"
)

func TestLimitFollowsTheUsers(t *testing.T) {
	for users, want := range map[int]int{0: 3500, 49: 3500, 50: 5000, 500: 5000, 501: 8000} {
		if got := ForUsers(users); got != want {
			t.Errorf("%d users: %d, want %d", users, got, want)
		}
	}
}

func TestApplicationsHaveLimitsOfTheirOwn(t *testing.T) {
	now := time.Unix(0, 0)
	m := New("tenant", 10, func() time.Time { return now })
	if _, throttled := m.Charge("a", 11); !throttled {
		t.Error("more than the limit passes")
	}
	if _, throttled := m.Charge("b", 10); throttled {
		t.Error("another application is throttled")
	}
	now = now.Add(2 * Window)
	if _, throttled := m.Charge("a", 10); throttled {
		t.Error("the limit does not recover")
	}
	if _, throttled := New("tenant", 0, time.Now).Charge("a", 1<<30); throttled {
		t.Error("no limit throttles")
	}
}

func TestWritesHaveALimitOfTheirOwn(t *testing.T) {
	now := time.Unix(0, 0)
	m := ForWrites("tenant", Writes, func() time.Time { return now })
	for i := range Writes {
		if header, throttled := m.Charge("a", 1); throttled || header.Get("x-ms-resource-unit") != "" {
			t.Fatalf("write %d: throttled %v, %v", i, throttled, header)
		}
	}
	header, throttled := m.Charge("a", 1)
	if !throttled || header.Get("Retry-After") != "1" || header.Get("x-ms-throttle-information") != "WriteLimitExceeded" ||
		header.Get("x-ms-throttle-scope") != "Tenant_Application/Write/a/tenant" {
		t.Errorf("past the limit: %v, %v", throttled, header)
	}
	now = now.Add(WriteWindow / 10)
	for i := range Writes/10 - 1 { // the refused one counted too
		if _, throttled := m.Charge("a", 1); throttled {
			t.Fatalf("write %d after a tenth of the time is throttled", i)
		}
	}
}
