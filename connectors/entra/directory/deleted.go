package directory

// Deleted is the list of the objects of an entity that were deleted and can be restored.
type Deleted struct {
	Query      string     // of its first page, below the Graph root
	Permission Permission // the least one that it asks for, to read only
}

// Deleted returns that list; false for an entity that has none, because its objects are
// deleted for good.
// Source: https://learn.microsoft.com/graph/api/directory-deleteditems-list.
func (e Entity) Deleted() (Deleted, bool) {
	permission := e.Permission
	switch e.Name {
	case "user", "servicePrincipal", "application", "administrativeUnit":
	case "group":
		permission = readWholeGroups()
	default:
		return Deleted{}, false
	}
	return Deleted{Query: "directory/deletedItems/microsoft.graph." + e.Name + "?$select=id&$top=999", Permission: permission}, true
}

// readWholeGroups is more than the delta query of groups asks for.
func readWholeGroups() Permission {
	return Permission{"Group.Read.All", "5b567255-7703-4780-807c-7be8301ae99b", orDirectory("Group.ReadWrite.All")}
}
