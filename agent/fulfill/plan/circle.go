package plan

// Follow returns the first number beyond after that node leads to; ok is false if there is none.
type Follow func(node, after uint64) (to uint64, ok bool, err error)

// Circle looks for a circle among the nodes from first on, up to but without end; what lies
// outside is not followed. It returns the nodes of one, in order, or nil. Errors are those of
// follow.
//
// It takes two bits a node and a step of the stack for each node of the longest way, so that an input
// of any size can be looked at.
func Circle(first, end uint64, follow Follow) ([]uint64, error) {
	w := walk{first: first, end: end, follow: follow, marks: make([]byte, (end-first+3)/4)}
	for node := first; node < end; node++ {
		if w.mark(node) != unseen {
			continue
		}
		if circle, err := w.from(node); circle != nil || err != nil {
			return circle, err
		}
	}
	return nil, nil
}

// The marks of a node.
const (
	unseen byte = iota
	open        // on the way that is being walked
	closed      // no circle goes through it
)

type walk struct {
	first, end uint64
	follow     Follow
	marks      []byte
	way        []step
}

// step is a node of the way and where it led last.
type step struct{ node, last uint64 }

func (w *walk) mark(node uint64) byte {
	i := node - w.first
	return w.marks[i/4] >> (i % 4 * 2) & 3
}

func (w *walk) set(node uint64, mark byte) {
	i := node - w.first
	shift := i % 4 * 2
	w.marks[i/4] = w.marks[i/4]&^(3<<shift) | mark<<shift
}

// from walks depth first.
func (w *walk) from(node uint64) ([]uint64, error) {
	w.enter(node)
	for len(w.way) > 0 {
		at := &w.way[len(w.way)-1]
		to, ok, err := w.follow(at.node, at.last)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			w.set(at.node, closed)
			w.way = w.way[:len(w.way)-1]
			continue
		}
		at.last = to
		if to < w.first || to >= w.end {
			continue
		}
		switch w.mark(to) {
		case unseen:
			w.enter(to)
		case open:
			return w.circle(to), nil
		}
	}
	return nil, nil
}

func (w *walk) enter(node uint64) {
	w.set(node, open)
	w.way = append(w.way, step{node: node})
}

// circle is the end of the way, from node on.
func (w *walk) circle(node uint64) (nodes []uint64) {
	for _, s := range w.way {
		if s.node == node || nodes != nil {
			nodes = append(nodes, s.node)
		}
	}
	return nodes
}
