package spool

// Group sorts rows of which there are few as a rule, such as the links of one
// object, in memory; when there are many it passes them on to a table. Reset makes
// it ready for the next ones. It is not safe for concurrent use.
type Group struct {
	spool  *Spool
	blocks [1][]byte
	sorter sorter
	table  *Table // nil while all rows are in the block
}

// Group makes an empty group.
func (s *Spool) Group() *Group { return &Group{spool: s} }

// Add appends a row, as [Table.Add] does.
func (g *Group) Add(key, value []byte) error {
	if g.table != nil {
		return g.table.Add(key, value)
	}
	g.blocks[0] = appendRow(g.blocks[0], key, value)
	if len(g.blocks[0]) < g.spool.groupSize {
		return nil
	}
	g.table = g.spool.Table()
	g.sorter.locate(g.blocks[:])
	return g.sorter.each(g.table.Add)
}

// Each calls fn for the rows in the order of their keys, equal keys in the order in
// which they were added. The row is a view, valid until fn returns. The first error
// ends it and is returned.
func (g *Group) Each(fn func(key, value []byte) error) error {
	if g.table == nil {
		g.sorter.load(g.blocks[:])
		return g.sorter.each(fn)
	}
	g.table.Finish()
	rows, err := g.spool.Merge(g.table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Key(), rows.Value()); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Reset empties g and deletes what it has on disk.
func (g *Group) Reset() error {
	g.blocks[0] = g.blocks[0][:0]
	if g.table == nil {
		return nil
	}
	table := g.table
	g.table = nil
	return table.Discard()
}
