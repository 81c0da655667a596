// Package pack is the write side of core/bundle: a trained model becomes one
// signed file. It quantises, lays out the sections of SPEC.md, computes the
// known answers on the packed bytes, and signs the manifest.
//
// PackFrom does the same with codes of yesterday's bundle where they are near
// enough, so that what devices fetch is small.
//
// It writes with vmihailenco/msgpack, an encoder that core's own reader does
// not share a line with, so each tests the other. The same model, keys and
// options give the same sections and the same manifest; only the ML-DSA half
// of the signature is randomised, as FIPS 204 recommends.
package pack
