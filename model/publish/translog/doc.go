// Package translog keeps a transparency log as static files, as C2SP's
// tlog-tiles lays them out, and is the other side of core/tlog: it appends,
// proves, cosigns and reads what that package verifies.
//
//	checkpoint                      the log's signed head, and cosignatures
//	tile/<level>/<n>[.p/<width>]    hashes, 256 to a tile
//	tile/entries/<n>[.p/<width>]    entries, each after its length in two bytes
//
// A publisher creates a log once, and from then on appends, has witnesses
// cosign, adds their lines, and proves:
//
//	translog.Create(ctx, store, signer)
//	checkpoint, err := translog.Append(ctx, store, signer, entry)
//	line, err := witness.Cosign(checkpoint, consistency, now)
//	translog.AddCosignatures(ctx, store, line, witness.Signer.Key)
//	proof, err := translog.Prove(ctx, store, index)
//
// A monitor reads all entries and holds them to the checkpoint that it saw
// last.
//
// What a log has signed never changes: files are written before the checkpoint
// that needs them, under names that no earlier checkpoint needs, so that an
// append which breaks off leaves the log as it was. Two publishers of one log
// at the same time are one too many: a store has no lock, and both would sign.
package translog
