package tenant

// mix folds b into a and scatters the bits (the finalizer of splitmix64). All
// of the world's choices come from it.
func mix(a, b uint64) uint64 {
	z := a + b*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// saltOf turns a name into a number that mix can use.
func saltOf(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// below scales h to a number under n, which must not be zero.
func below(h uint64, n uint32) uint32 { return uint32((h >> 32) * uint64(n) >> 32) }

// permutation visits every number below n once, in an order of its own:
// at(i) = (start + step*i) mod n with step and n coprime.
type permutation struct{ start, step, n uint64 }

func newPermutation(h uint64, n uint32) permutation {
	if n <= 1 {
		return permutation{n: uint64(n)}
	}
	step := uint64(below(mix(h, 1), n-1)) + 1
	for gcd(step, uint64(n)) != 1 {
		step = step%uint64(n) + 1
	}
	return permutation{start: uint64(below(mix(h, 2), n)), step: step, n: uint64(n)}
}

func (p permutation) at(i uint32) uint32 {
	return uint32((p.start + p.step*uint64(i)) % p.n)
}

// placeOf is the reverse of at. It finds nothing in a permutation of less than
// two numbers, or in one that does not visit the number.
func (p permutation) placeOf(number uint32) (uint32, bool) {
	if uint64(number) >= p.n {
		return 0, false
	}
	if p.at(0) == number {
		return 0, true
	}
	if gcd(p.step, p.n) != 1 {
		return 0, false
	}
	return uint32((uint64(number) + p.n - p.start) % p.n * inverse(p.step, p.n) % p.n), true
}

// inverse is the number that a times it is 1 modulo n, by Euclid; a and n are
// coprime and below 2^32.
func inverse(a, n uint64) uint64 {
	previous, current := int64(0), int64(1)
	for r, s := int64(n), int64(a); s > 1; {
		q := r / s
		previous, current = current, previous-q*current
		r, s = s, r-q*s
	}
	return uint64(current+int64(n)) % n
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
