package journal

// Seal makes the value of a record.
var Seal = seal
