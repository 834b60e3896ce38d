package tenant

import "strconv"

// The functions here make valueFuncs. Each choice uses other bits of the hash
// than the choice around it, by mixing once more.

// choice takes one of the given JSON values; "" among them means never set.
func choice(values ...string) valueFunc {
	return func(dst []byte, _ *Object, h uint64) []byte {
		return append(dst, values[below(h, uint32(len(values)))]...)
	}
}

// rarely leaves a value out for some objects and makes it null for others;
// both shares are per cent.
func rarely(absent, null uint32, value valueFunc) valueFunc {
	return func(dst []byte, o *Object, h uint64) []byte {
		share := below(h, 100)
		switch {
		case share < absent:
			return dst
		case share < absent+null:
			return append(dst, "null"...)
		}
		return value(dst, o, mix(h, 1))
	}
}

// null is a property that exists and is always empty.
func null(dst []byte, _ *Object, _ uint64) []byte { return append(dst, "null"...) }

// never is a property that no object has set.
func never(dst []byte, _ *Object, _ uint64) []byte { return dst }

// fixed is the same JSON value for every object.
func fixed(value string) valueFunc {
	return func(dst []byte, _ *Object, _ uint64) []byte { return append(dst, value...) }
}

// text takes one of the texts and, for one object in sixteen, a trap.
func text(texts []string) valueFunc {
	return trapped(func(dst []byte, _ *Object, h uint64) []byte {
		dst = append(dst, '"')
		dst = append(dst, texts[below(h, uint32(len(texts)))]...)
		return append(dst, '"')
	})
}

// trapped replaces a value by a trap for one object in sixteen.
func trapped(value valueFunc) valueFunc {
	return func(dst []byte, o *Object, h uint64) []byte {
		if h>>60 != 0 {
			return value(dst, o, mix(h, 2))
		}
		return appendQuoted(dst, traps[below(h<<4, uint32(len(traps)))])
	}
}

// numbered is a text with a number of the object's own in it.
func numbered(before string, modulus uint32, after string) valueFunc {
	return func(dst []byte, _ *Object, h uint64) []byte {
		dst = append(dst, '"')
		dst = append(dst, before...)
		dst = strconv.AppendUint(dst, uint64(below(h, modulus)), 10)
		dst = append(dst, after...)
		return append(dst, '"')
	}
}

// boolean is true for a share of the objects, in per cent.
func boolean(truePercent uint32) valueFunc {
	return func(dst []byte, _ *Object, h uint64) []byte {
		return strconv.AppendBool(dst, below(h, 100) < truePercent)
	}
}

// integer is a number below n.
func integer(n uint32) valueFunc {
	return func(dst []byte, _ *Object, h uint64) []byte {
		return strconv.AppendUint(dst, uint64(below(h, n)), 10)
	}
}

// list holds up to most values, and no element at times.
func list(most uint32, item valueFunc) valueFunc {
	return func(dst []byte, o *Object, h uint64) []byte {
		dst = append(dst, '[')
		for i := range below(h, most+1) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item(dst, o, mix(h, uint64(i)+3))
		}
		return append(dst, ']')
	}
}

// date is a point in time from 2012 to 2026, at times with fractions.
func date(dst []byte, _ *Object, h uint64) []byte {
	dst = append(dst, '"')
	dst = appendTwo(append(dst, "20"...), 12+below(h, 15))
	dst = appendTwo(append(dst, '-'), 1+below(mix(h, 1), 12))
	dst = appendTwo(append(dst, '-'), 1+below(mix(h, 2), 28))
	seconds := below(mix(h, 3), 24*3600)
	dst = appendTwo(append(dst, 'T'), seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if h%8 == 0 {
		dst = append(dst, ".1234567"...)
	}
	return append(dst, `Z"`...)
}

func appendTwo(dst []byte, n uint32) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// guid is a GUID from one of the world's further id spaces, one per object.
func guid(space byte) valueFunc {
	return func(dst []byte, o *Object, _ uint64) []byte {
		dst = append(dst, '"')
		dst = o.world.appendNumbered(dst, space, uint64(o.Index))
		return append(dst, '"')
	}
}

// sid is a security identifier with the given beginning.
func sid(authority string) valueFunc {
	return func(dst []byte, o *Object, h uint64) []byte {
		dst = append(dst, '"')
		dst = append(dst, authority...)
		for i := range uint64(3) {
			dst = append(dst, '-')
			dst = strconv.AppendUint(dst, uint64(uint32(mix(h, i))), 10)
		}
		dst = append(dst, '-')
		dst = strconv.AppendUint(dst, uint64(o.Index)+1000, 10)
		return append(dst, '"')
	}
}

// onlyIf sets a property for the objects that fulfil a condition.
func onlyIf(condition func(*Object) bool, value valueFunc) valueFunc {
	return func(dst []byte, o *Object, h uint64) []byte {
		if !condition(o) {
			return dst
		}
		return value(dst, o, h)
	}
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// licences are values of assignedLicenses.
var licences = []string{
	`[]`,
	`[{"disabledPlans":[],"skuId":"6fd2c87f-b296-42f0-b197-1e91e994b900"}]`,
	`[{"disabledPlans":["113feb6c-3fe4-4440-bddc-54d774bf0318","9aaf7827-d63c-4b61-89c3-182f06f82e5c"],"skuId":"6fd2c87f-b296-42f0-b197-1e91e994b900"},{"disabledPlans":[],"skuId":"b05e124f-c7cc-45a0-a6aa-8cf78c946968"}]`,
	`[{"disabledPlans":["11b0131d-43c8-4bbb-b2c8-e80f9a50834a"],"skuId":"45715bb8-13f9-4bf6-927f-ef96c102d394"}]`,
}

// syncErrors are values of onPremisesProvisioningErrors.
var syncErrors = []string{
	`[]`, `[]`, `[]`,
	`[{"category":"PropertyConflict","occurredDateTime":"2025-11-02T08:15:00Z","propertyCausingError":"ProxyAddresses","value":"smtp:shared@contoso.example"}]`,
}

// serviceErrors are values of serviceProvisioningErrors.
var serviceErrors = []string{
	`[]`, `[]`, `[]`,
	`[{"@odata.type":"#microsoft.graph.serviceProvisioningXmlError","createdDateTime":"2025-05-06T07:08:09Z","isResolved":false,"serviceInstance":"exchange/namprd01","errorDetail":"<e a=\"1\">no, not\nnow</e>"}]`,
}

// extensionAttributes is the object of the fifteen attributes from a directory
// on the company's own ground.
func extensionAttributes(dst []byte, o *Object, h uint64) []byte {
	value := text(departments)
	dst = append(dst, '{')
	for i := range uint64(15) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `"extensionAttribute`...)
		dst = strconv.AppendUint(dst, i+1, 10)
		dst = append(dst, `":`...)
		if attribute := mix(h, i); attribute%3 == 0 {
			dst = value(dst, o, attribute)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}')
}
