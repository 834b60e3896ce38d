package entraid

import (
	"fmt"
	"sync"
)

// Trouble makes the sign-in fail on request.
type Trouble struct {
	// Refuse is the AADSTS code that token requests are refused with; 0 is
	// none. Times is how many; 0 is all until there is another Trouble.
	Refuse int `json:"refuse,omitempty"`
	Times  int `json:"times,omitempty"`
	// Throttled is how many token requests get 429 first; negative is all.
	// RetryAfter is the value of that header, empty for none.
	Throttled  int    `json:"throttled,omitempty"`
	RetryAfter string `json:"retryAfter,omitempty"`
}

// troubles is the present Trouble. It may be used by many goroutines.
type troubles struct {
	mu  sync.Mutex
	now Trouble
}

// Trouble returns what is left of the present trouble.
func (a *Authority) Trouble() Trouble {
	a.trouble.mu.Lock()
	defer a.trouble.mu.Unlock()
	return a.trouble.now
}

// SetTrouble replaces the trouble; the zero value ends it.
func (a *Authority) SetTrouble(t Trouble) error {
	app := a.Registration()
	if t.Refuse != 0 && app.refusal(t.Refuse) == nil {
		return fmt.Errorf("the sandbox has no words for AADSTS%d", t.Refuse)
	}
	if t.Times < 0 {
		return fmt.Errorf("the number of times cannot be %d", t.Times)
	}
	a.trouble.mu.Lock()
	defer a.trouble.mu.Unlock()
	a.trouble.now = t
	return nil
}

// throttled is the refusal of a request that must wait, or nil.
func (t *troubles) throttled() *Refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.Throttled == 0 {
		return nil
	}
	if t.now.Throttled > 0 {
		t.now.Throttled--
	}
	var app Registration // its words tell nothing of the application
	no := app.refusal(codeThrottled)
	no.RetryAfter = t.now.RetryAfter
	return no
}

// refused is the refusal that this application is to get, or nil.
func (t *troubles) refused(app *Registration) *Refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	no := app.refusal(t.now.Refuse)
	if no != nil && t.now.Times > 0 {
		if t.now.Times--; t.now.Times == 0 {
			t.now.Refuse = 0
		}
	}
	return no
}
