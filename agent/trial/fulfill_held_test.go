package trial_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// An urgent action about an object of a file that is held says that it waits, and for what; when that is dropped, it is
// carried out.
func TestActionBehindHeldFile(t *testing.T) {
	t.Parallel()
	f := startFulfilling(t)
	f.mustFulfill(t, f.orders(t, "users.json", newUser("u1", "leaver1"), newUser("u2", "leaver2")))
	f.change(t, func(c map[string]any) { c["MaximumDeletes"] = 1 })
	var leavers []string
	for i := 1; i <= 2; i++ {
		leavers = append(leavers, fmt.Sprintf(`{"id": "d%d", "operation": "delete", "entity": "user", "key": {"userPrincipalName": "leaver%[1]d@contoso.com"}}`, i))
	}
	f.wroteNothing(t, func() {
		f.ends(t, 3, f.orders(t, "leavers.json", leavers...))
		got := usher(t, f.installation, "actions", "run", trial.Connection, "revoke-sessions", "--input", `{"user": "leaver2@contoso.com"}`)
		for _, want := range []string{
			"has not begun: it waits for order d2 of intake 2, which is held: it deletes 2 ", "'usher orders release " + trial.Connection + " 2' lets it begin",
		} {
			if got.Code != 3 || !strings.Contains(got.Stderr, want) {
				t.Errorf("exit code %d, want 3 and %q in\n%s%s", got.Code, want, got.Stdout, got.Stderr)
			}
		}
	})
	if got := mustSucceed(t, f.installation, "orders", "show", trial.Connection, "3").Stdout; !strings.Contains(got, "it waits for order d2 of intake 2, which is held") {
		t.Errorf("usher orders show says\n%s", got)
	}
	mustSucceed(t, f.installation, "orders", "cancel", trial.Connection, "2")
	if got := f.ends(t, 0); got.Run.Executed != 1 {
		t.Errorf("after cancel: %+v", got.Run)
	}
	wrong := usher(t, f.installation, "actions", "run", trial.Connection, "revoke-sessions", "--input", `{"usr": "x"}`)
	if want := "usher actions describe " + trial.Connection + " revoke-sessions"; wrong.Code != 2 || !strings.Contains(wrong.Stderr, want) {
		t.Errorf("a wrong input ends with %d and\n%s", wrong.Code, wrong.Stderr)
	}
}
