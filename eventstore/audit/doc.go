// Package audit judges the journal from the journal alone: whether it is still
// what was written (Verify), and what it tells of one stream (Tell). It reads
// and never writes, needs no database and no secret, and takes nothing on trust
// but the installation's id, with which every partition's chain begins.
//
// What it finds: records that were changed, removed, inserted, repeated or
// moved; streams with a missing or doubled version; events of unknown type or
// unreadable data. What it cannot find: the end of a partition cut off whole, or
// a journal written anew from its beginning. For these an anchor outside of the
// cluster is needed.
package audit
