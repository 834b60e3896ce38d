package governor

import "time"

// usage counts resource units by the second, over the last [window] seconds. The
// zero value is ready.
type usage struct {
	units  [window]int
	second int64 // of the newest count
}

func (u *usage) add(now time.Time, units int) {
	u.advance(now)
	u.units[u.second%window] += units
}

func (u *usage) sum(now time.Time) (total int) {
	u.advance(now)
	for _, n := range u.units {
		total += n
	}
	return total
}

// advance empties what is older than the window. A clock that was set back
// counts on in the newest second.
func (u *usage) advance(now time.Time) {
	for passed := min(now.Unix()-u.second, window); passed > 0; passed-- {
		u.units[(now.Unix()-passed+1)%window] = 0
	}
	u.second = max(u.second, now.Unix())
}
