package export

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/export/spool"
)

// sideBySide is how many files are merged at once.
const sideBySide = 2

// checkEvery is after how many objects or links a merge looks whether it is still
// wanted.
const checkEvery = 4096

// fold makes the rows of one file out of the sorted rows of the spool.
type fold interface {
	// row takes the next row and returns of how many objects or links it tells.
	row(rows *spool.Rows, out *csvfile.Writer) (uint64, error)
	// end says that there is none left.
	end(out *csvfile.Writer) error
}

// merger merges the tables of all collections into the files of a set.
type merger struct {
	plan        *plan
	spool       *spool.Spool
	tracker     *tracker
	stage       *publish.Stage
	collections []*collection
}

// merge writes all files. It returns them and what they hold of each entity.
func (m *merger) merge(ctx context.Context) ([]publish.File, []publish.Entity, error) {
	all := newObjects(m.plan)
	files := []publish.File{{Name: m.plan.objectsFile(), Kind: publish.Objects}}
	tasks := []func(context.Context, *publish.File) error{
		func(ctx context.Context, f *publish.File) error { return m.objects(ctx, f, all) },
	}
	for i, asked := range m.plan.Request.Collections {
		for n, navigation := range asked.Navigations {
			files = append(files, publish.File{
				Name: m.plan.linksFile(asked.Entity, navigation), Kind: publish.Links, Entity: asked.Entity, Navigation: navigation,
			})
			tasks = append(tasks, func(ctx context.Context, f *publish.File) error { return m.links(ctx, f, m.collections[i], n) })
		}
	}

	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, task := range tasks {
		group.Go(func() error { return task(ctx, &files[i]) })
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}

	entities := make([]publish.Entity, len(m.collections))
	for i, c := range m.collections {
		entities[i] = publish.Entity{Name: c.entity, Objects: all.counts[i]}
		for _, f := range files {
			if f.Entity == c.entity {
				entities[i].Links += f.Rows
			}
		}
	}
	return files, entities, nil
}

// objects writes the objects of all collections into one file, sorted by id.
func (m *merger) objects(ctx context.Context, f *publish.File, o *objects) error {
	tables := make([]*spool.Table, len(m.collections))
	for i, c := range m.collections {
		tables[i] = c.objects
	}
	header := []string{"Command", typeColumn}
	for _, c := range m.plan.columns {
		header = append(header, c.Name)
	}
	return m.file(ctx, f, header, o, tables...)
}

// links writes the links of one navigation, sorted by owner and target.
func (m *merger) links(ctx context.Context, f *publish.File, c *collection, navigation int) error {
	table := c.links[navigation]
	l := &links{dialect: m.plan.dialect, targets: m.spool.Group()}
	if c.removed && table.Rows() > 0 {
		rows, err := m.spool.Merge(c.objects)
		if err != nil {
			return err
		}
		defer rows.Close()
		l.departed = newDeparted(rows)
	}
	if err := m.file(ctx, f, []string{"Command", c.entity + "Id", "id"}, l, table); err != nil {
		return err
	}
	return table.Discard() // the disk may be short
}

// file writes one file from tables.
func (m *merger) file(ctx context.Context, f *publish.File, header []string, into fold, tables ...*spool.Table) error {
	if err := m.plan.step("write " + f.Name); err != nil {
		return err
	}
	rows, err := m.spool.Merge(tables...)
	if err != nil {
		return err
	}
	defer rows.Close()
	out, err := csvfile.Create(m.stage.Path(f.Name), m.plan.dialect, header...)
	if err != nil {
		return err
	}
	defer out.Discard()
	count := uint64(0)
	for rows.Next() {
		n, err := into.row(rows, out)
		if err != nil {
			return err
		}
		if count += n; count >= checkEvery {
			if err := ctx.Err(); err != nil {
				return err
			}
			m.tracker.mergedRows(count)
			count = 0
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := into.end(out); err != nil {
		return err
	}
	sum, err := out.Commit()
	f.Rows, f.Bytes, f.SHA256 = sum.Rows, sum.Bytes, sum.SHA256
	m.tracker.mergedRows(count)
	return err
}
