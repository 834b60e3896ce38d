package delta

import "github.com/usher-iga/usher/connectors/entra/directory"

// A node is a member of an object, or of a member, that is of interest.
type node struct {
	kind    kind
	columns []int            // the attributes that want its whole value
	below   map[string]*node // the members of its value that are wanted
	texts   texts            // what has been gathered of the value for the columns

	leaves     []*node // of a member of an object: those of it and all below that have columns
	navigation int     // of links
}

// kind is what a member of an object means.
type kind uint8

const (
	isValue   kind = iota // wanted for its columns
	isID                  // names the object
	isType                // @odata.type
	isRemoved             // @removed
	isLinks               // of a navigation
)

// wanted builds the members of a collection's objects that are of interest.
func wanted(c directory.Collection) map[string]*node {
	root := &node{below: map[string]*node{
		"id":          {kind: isID},
		"@odata.type": {kind: isType},
		"@removed":    {kind: isRemoved},
	}}
	for i, name := range c.Navigations {
		root.below[name+"@delta"] = &node{kind: isLinks, navigation: i}
		root.below[name] = &node{kind: isLinks, navigation: i} // where it is listed, not tracked
	}
	for _, column := range c.Columns {
		at := root
		for _, name := range column.Path {
			if at.below == nil {
				at.below = map[string]*node{}
			}
			if at.below[name] == nil {
				at.below[name] = &node{}
			}
			at = at.below[name]
		}
		at.columns = append(at.columns, column.Attribute)
		if len(at.columns) == 1 {
			outermost := root.below[column.Path[0]]
			outermost.leaves = append(outermost.leaves, at)
		}
	}
	return root.below
}

// texts are several texts in one buffer.
type texts struct {
	buf  []byte
	ends []int
}

func (t *texts) reset() { t.buf, t.ends = t.buf[:0], t.ends[:0] }

// end finishes a text that has been appended to buf.
func (t *texts) end() { t.ends = append(t.ends, len(t.buf)) }
