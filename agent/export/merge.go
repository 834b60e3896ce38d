package export

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/agent/export/csvfile"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/spool"
	"github.com/usher-iga/usher/agent/store"
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

// merger merges the tables of all collections into the files of a set, and puts
// what is known from then on into a commit.
type merger struct {
	plan        *plan
	mode        publish.Mode
	spool       *spool.Spool
	tracker     *tracker
	stage       *publish.Stage
	known       *store.Known
	measured    bool // a complete run counts what it changes of what is known
	commit      *store.Commit
	collections []*collection

	objectKeepers []*objectKeeper // by collection
	linkKeepers   [][]*linkKeeper // by collection and navigation
	fates         fates           // complete when the objects are merged
}

// merge writes all files. The rows of each are in the keepers' tallies then.
func (m *merger) merge(ctx context.Context) ([]publish.File, error) {
	m.fates = fates{}
	files := []publish.File{{Name: m.plan.objectsFile(), Kind: publish.Objects}}
	var tasks []func(context.Context, *publish.File) error
	for i, asked := range m.plan.Request.Collections {
		m.linkKeepers = append(m.linkKeepers, make([]*linkKeeper, len(asked.Navigations)))
		for n, navigation := range asked.Navigations {
			files = append(files, publish.File{
				Name: m.plan.linksFile(asked.Entity, navigation), Kind: publish.Links, Entity: asked.Entity, Navigation: navigation,
			})
			tasks = append(tasks, func(ctx context.Context, f *publish.File) error { return m.links(ctx, f, i, n) })
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	if m.mode == publish.Complete {
		group.Go(func() error { return m.objects(groupCtx, &files[0]) })
	} else if err := m.objects(ctx, &files[0]); err != nil { // they say whose links are gone
		_ = group.Wait()
		return nil, err
	}
	for i, task := range tasks {
		group.Go(func() error { return task(groupCtx, &files[i+1]) })
	}
	return files, group.Wait()
}

// objects writes the objects of all collections into one file, sorted by id.
func (m *merger) objects(ctx context.Context, f *publish.File) error {
	tables := make([]*spool.Table, len(m.collections))
	for i, c := range m.collections {
		tables[i] = c.objects
		k, err := m.objectKeeper(c)
		if err != nil {
			return err
		}
		m.objectKeepers = append(m.objectKeepers, k)
	}
	header := []string{"Command", typeColumn}
	for _, c := range m.plan.columns {
		header = append(header, c.Name)
	}
	if err := m.file(ctx, f, header, newObjects(m.plan, m.objectKeepers), tables...); err != nil {
		return err
	}
	for _, k := range m.objectKeepers {
		m.count(f, k.tally)
		if err := k.end(); err != nil {
			return err
		}
	}
	return m.lacking()
}

// lacking is an error of [lacking] if a collection came without attributes that its
// objects had.
func (m *merger) lacking() error {
	found := lacking{}
	for i, k := range m.objectKeepers {
		if k.lacking != nil {
			found[i] = string(k.lacking)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

func (m *merger) objectKeeper(c *collection) (k *objectKeeper, err error) {
	name := objectsSet(c.entity)
	away := awaySet(c.entity)
	k = &objectKeeper{
		fates: m.fates, known: m.known.Set(name), changes: changes{commit: m.commit, name: name},
		away: m.known.Set(away), leaving: changes{commit: m.commit, name: away},
	}
	switch {
	case m.mode == publish.Complete:
		if k.awayAnew, err = m.commit.Replace(away); err != nil {
			return nil, err
		}
		if k.anew, err = m.commit.Replace(name); err == nil && m.measured {
			err = k.against.begin(k.known, false)
		}
	case c.complete:
		err = k.list()
	}
	return k, err
}

// links writes the links of one navigation, sorted by owner and target.
func (m *merger) links(ctx context.Context, f *publish.File, collection, navigation int) error {
	c := m.collections[collection]
	table := c.links[navigation]
	keeper, err := m.linkKeeper(c, linksSet(f.Entity, f.Navigation))
	if err != nil {
		return err
	}
	m.linkKeepers[collection][navigation] = keeper
	l := &links{keeper: keeper, departed: c.departed, targets: m.spool.Group()}
	if err := m.file(ctx, f, []string{"Command", c.entity + "Id", "id"}, l, table); err != nil {
		return err
	}
	m.count(f, keeper.tally)
	return table.Discard() // the disk may be short
}

func (m *merger) linkKeeper(c *collection, name string) (k *linkKeeper, err error) {
	k = &linkKeeper{
		fates: m.fates, known: m.known.Set(name), changes: changes{commit: m.commit, name: name},
		listed: c.complete, departed: c.departed, dialect: m.plan.dialect,
	}
	if m.mode == publish.Complete {
		if k.anew, err = m.commit.Replace(name); err == nil && m.measured {
			err = k.against.begin(k.known, true)
		}
		return k, err
	}
	k.targets = m.objectKeepers // which have ended
	if c.complete || len(m.fates) > 0 {
		err = k.scan()
	}
	return k, err
}

// count puts the rows of an incremental file into the manifest.
func (m *merger) count(f *publish.File, t tally) {
	if m.mode == publish.Incremental {
		f.Inserts, f.Updates, f.Deletes = f.Inserts+t.inserts, f.Updates+t.updates, f.Deletes+t.deletes
	}
}

// entities counts the rows of each entity.
func (m *merger) entities() []publish.Entity {
	entities := make([]publish.Entity, len(m.collections))
	for i, c := range m.collections {
		entities[i] = publish.Entity{Name: c.entity, Objects: m.objectKeepers[i].tally.rows()}
		for _, k := range m.linkKeepers[i] {
			entities[i].Links += k.tally.rows()
		}
	}
	return entities
}

// counts are the rows by entity, navigation and command, without zeros.
func (m *merger) counts() []store.Count {
	var counts []store.Count
	add := func(entity, navigation string, t tally) {
		for _, c := range []struct {
			command command
			rows    uint64
		}{{inserts, t.inserts}, {updates, t.updates}, {deletes, t.deletes}} {
			if c.rows > 0 {
				counts = append(counts, store.Count{Entity: entity, Navigation: navigation, Command: string(c.command), Rows: c.rows})
			}
		}
	}
	for i, asked := range m.plan.Request.Collections {
		add(asked.Entity, "", m.objectKeepers[i].tally)
		for n, navigation := range asked.Navigations {
			add(asked.Entity, navigation, m.linkKeepers[i][n].tally)
		}
	}
	return counts
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
