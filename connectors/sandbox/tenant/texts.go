package tenant

import "strings"

// All texts are the inside of JSON strings, escaped by hand, so that writing
// one is a copy, and so that readers meet every way in which JSON may spell a
// character: as itself, as \u escape, as surrogate pair, as short escape.

// name is a part of a person's name and how a user name spells it.
type name struct{ shown, login string }

var givenNames = []name{
	{"Adele", "adele"}, {"Alex", "alex"}, {"Amélie", "amelie"}, {"Anaïs", "anais"},
	{"Björn", "bjorn"}, {"Carlos", "carlos"}, {"Chloé", "chloe"}, {"Dagny", "dagny"},
	{"D\\u00e9sir\\u00e9e", "desiree"}, {"Diego", "diego"}, {"Élodie", "elodie"}, {"Emeka", "emeka"},
	{"Fatima", "fatima"}, {"François", "francois"}, {"Grady", "grady"}, {"Henrietta", "henrietta"},
	{"Ingrid", "ingrid"}, {"Isaiah", "isaiah"}, {"Jean-Luc", "jean-luc"}, {"Jos\\u00E9", "jose"},
	{"Kenji", "kenji"}, {"Lidia", "lidia"}, {"Łukasz", "lukasz"}, {"Lynne", "lynne"},
	{"Mallory", "mallory"}, {"Megan", "megan"}, {"Miriam", "miriam"}, {"محمد", "mohammed"},
	{"Nestor", "nestor"}, {"Noël", "noel"}, {"Nǃxau", "nixau"}, {"Ólafur", "olafur"},
	{"Patti", "patti"}, {"Pradeep", "pradeep"}, {"Quynh", "quynh"}, {"Renée", "renee"},
	{"Seán", "sean"}, {"Søren", "soren"}, {"Siobhán", "siobhan"}, {"太郎", "taro"},
	{"Thandiwe", "thandiwe"}, {"Uğur", "ugur"}, {"Věra", "vera"}, {"Wei", "wei"},
	{"Ximena", "ximena"}, {"Yılmaz", "yilmaz"}, {"Zoë", "zoe"}, {"Юлия", "yulia"},
}

var surnames = []name{
	{"Vance", "vance"}, {"Wilber", "wilber"}, {"Müller", "mueller"}, {"O'Brien", "obrien"},
	{"van der Berg", "van.der.berg"}, {"Cortez", "cortez"}, {"García López", "garcia.lopez"}, {"Nakamura", "nakamura"},
	{"Þórsdóttir", "thorsdottir"}, {"d\\u2019Arc", "darc"}, {"Smith-Jones", "smith-jones"}, {"Siciliani", "siciliani"},
	{"Ångström", "angstrom"}, {"Nguyễn", "nguyen"}, {"李", "li"}, {"العلي", "alali"},
	{"Kowalczyk", "kowalczyk"}, {"Archie", "archie"}, {"Dvořák", "dvorak"}, {"Schäfer", "schaefer"},
	{"Mueller \\\"Mac\\\"", "mueller"}, {"Brunner", "brunner"}, {"Okonkwo", "okonkwo"}, {"Irwin", "irwin"},
	{"St. John", "st.john"}, {"Langer", "langer"}, {"Peña", "pena"}, {"Øksendal", "oksendal"},
	{"Robbins", "robbins"}, {"Şahin", "sahin"}, {"Turner, Jr.", "turner"}, {"Иванова", "ivanova"},
}

var departments = []string{
	"Sales", "Finance", "Human Resources", "Legal", "Research & Development", "R\\u0026D",
	"IT", "Marketing", "Operations", "Logistics; Transport", "Manufacturing", "Executive",
	"Customer Service", "Forschung und Entwicklung", "研究開発", "الموارد البشرية",
}

var jobTitles = []string{
	"Engineer", "Senior Engineer", "Manager", "Director", "VP, Sales", "Accountant", "Auditor",
	"Nurse", "Chef d\\u2019\\u00e9quipe", "Sachbearbeiter", "Architect", "Analyst \\/ Planner",
	"Assistant", "Lawyer", "Buyer", "Receptionist",
}

var cities = []string{
	"Redmond", "Zürich", "São Paulo", "Malmö", "東京", "القاهرة", "Saint-Étienne", "Kraków",
	"Washington, D.C.", "København", "Reykjavík", "Bogotá",
}

var countries = []string{
	"United States", "Schweiz", "Brasil", "Sverige", "日本", "Österreich", "Côte d'Ivoire", "Poland",
}

var companies = []string{
	"Contoso", "Contoso, Ltd.", "Fabrikam \\\"North\\\"", "Litware", "Northwind Traders", "Tailspin\\tToys",
	"Wide World Importers", "Käse & Söhne",
}

var groupWords = []string{
	"All", "Sales", "Project", "Office", "License", "VPN", "Wi-Fi", "Finance", "HR", "Audit", "Café",
	"Überwachung", "Права", "営業", "Readers", "Owners", "Admins", "Test", "Legal, EMEA", "Mail",
}

// traps are the values that careless writers of CSV, JSON or text get wrong.
var traps = []string{
	"",
	" ",
	"  leading spaces",
	"trailing spaces  ",
	"comma, semicolon; tab\\tpipe|",
	"a \\\"quoted\\\" word",
	"\\\"",
	"\\\"starts and ends with quotes\\\"",
	"two\\r\\nlines",
	"line\\nfeed only",
	"carriage\\rreturn only",
	"ends with a line feed\\n",
	"\\r\\n",
	"=1+1",
	"=HYPERLINK(\\\"https://contoso.example\\\",\\\"click\\\")",
	"+cmd|' /C calc'!A0",
	"-2+3",
	"@SUM(1+1)",
	"'apostrophe first",
	"back\\\\slash and sl\\/ash",
	"\\u0645\\u0631\\u062d\\u0628\\u0627 \\u0628\\u0627\\u0644\\u0639\\u0627\\u0644\\u0645",
	"שלום, עולם",
	"\\u202Eright to left override\\u202C",
	"😀 emoji and 👩‍👩‍👧‍👦 family",
	"\\ud83d\\ude00 escaped pair \\uD83C\\uDDE8\\uD83C\\uDDED",
	"zero\\u200bwidth\\u200dand\\ufeffmark",
	"no\\u00a0break\u00a0space",
	"line\\u2028separator\\u2029paragraph",
	"e\\u0301 decomposed, é composed",
	"control\\u0001and\\u001f\\b\\f",
	"null", "true", "0012", "1E5", "2024-02-30", "NaN",
	"<b>not & markup</b>", "\\u003Cscript\\u003E",
	"%s %d %% {0} ${HOME}",
	strings.Repeat("A very long text, longer than most columns. ", 22),
	strings.Repeat("長い文字列。", 40),
}

// RoleTemplate is one of Entra's built-in roles.
type RoleTemplate struct{ ID, Name, Description string }

var roleTemplates = []RoleTemplate{
	{"62e90394-69f5-4237-9190-012177145e10", "Global Administrator", "Can manage all aspects of Microsoft Entra ID and Microsoft services that use Microsoft Entra identities."},
	{"fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator", "Can manage all aspects of users and groups, including resetting passwords for limited admins."},
	{"729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator", "Can reset passwords for non-administrators and Helpdesk Administrators."},
	{"f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader", "Can read everything that a Global Administrator can, but not update anything."},
	{"9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator", "Can create and manage all aspects of app registrations and enterprise apps."},
	{"158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator", "Can create and manage all aspects of app registrations and enterprise apps except App Proxy."},
	{"fdd7a751-b60b-444a-984c-02652fe8fa1c", "Groups Administrator", "Members of this role can create/manage groups, create/manage groups settings like naming and expiration policies, and view groups activity and audit reports."},
	{"4d6ac14f-3453-41d0-bef9-a3e0c569773a", "License Administrator", "Can manage product licenses on users and groups."},
	{"7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator", "Can access to view, set and reset authentication method information for any user (admin or non-admin)."},
	{"e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator", "Can manage role assignments in Microsoft Entra ID, and all aspects of Privileged Identity Management."},
	{"194ae4cb-b126-40b2-bd5b-6091b380977d", "Security Administrator", "Can read security information and reports, and manage configuration in Microsoft Entra ID and Office 365."},
	{"5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader", "Can read security information and reports in Microsoft Entra ID and Office 365."},
	{"88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers", "Can read basic directory information. Commonly used to grant directory read access to applications and guests."},
	{"9f06204d-73c1-4d4c-880a-6edb90606fd8", "Azure AD Joined Device Local Administrator", "Device Administrators"},
}
