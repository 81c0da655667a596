//go:build goexperiment.simd

#include "textflag.h"

// See scan_wasm.s for why this is assembly, and for what the assembler lacks.
// Sums and products are those of float.go, in that order, each rounded.

// NEXT moves REG on by N bytes.
#define NEXT(REG, N) \
	Get REG; I64Const $N; I64Add; Set REG

// AXPYLOAD sets V to the 4 values at R0 + OFF plus V0 times those at R1 + OFF.
#define AXPYLOAD(OFF, V) \
	Get R0; I32WrapI64; V128Load $OFF; \
	Get R1; I32WrapI64; V128Load $OFF; Get V0; F32x4Mul; \
	F32x4Add; Set V

// PUT stores V at R0 + OFF; the assembler has no offsets for stores.
#define PUT(OFF, V) \
	Get R0; I64Const $OFF; I64Add; I32WrapI64; Get V; V128Store $0

// func axpyAsm(dst, x *float32, fours int, a float32)
TEXT ·axpyAsm(SB), NOSPLIT, $0-28
	I64Load dst+0(FP)
	Set R0
	I64Load x+8(FP)
	Set R1
	I64Load fours+16(FP)
	Set R2
	F32Load a+24(FP)
	F32x4Splat
	Set V0
	Block
		Loop
			Get R2
			I64Const $4
			I64LtS
			BrIf $1
			AXPYLOAD(0, V1)
			AXPYLOAD(16, V2)
			AXPYLOAD(32, V3)
			AXPYLOAD(48, V4)
			PUT(0, V1)
			PUT(16, V2)
			PUT(32, V3)
			PUT(48, V4)
			NEXT(R0, 64)
			NEXT(R1, 64)
			NEXT(R2, -4)
			Br $0
		End
	End
	Block
		Loop
			Get R2
			I64Eqz
			BrIf $1
			AXPYLOAD(0, V1)
			PUT(0, V1)
			NEXT(R0, 16)
			NEXT(R1, 16)
			NEXT(R2, -1)
			Br $0
		End
	End
	RET

// TILEROW adds to the row A, B of the tile the 8 values in V8 and V9, times the
// weight F0, times the one at PC_B + OFF.
#define TILEROW(OFF, A, B) \
	Get F0; Get PC_B; F32Load $OFF; F32Mul; F32x4Splat; Tee V10; \
	Get V8; F32x4Mul; Get A; F32x4Add; Set A; \
	Get V10; Get V9; F32x4Mul; Get B; F32x4Add; Set B

// TILEGET and TILEPUT load and store a row of the tile at R0 and move on to the
// next.
#define TILEGET(A, B) \
	Get R0; I32WrapI64; V128Load $0; Set A; \
	Get R0; I32WrapI64; V128Load $16; Set B; \
	Get R0; Get R1; I64Add; Set R0
#define TILEPUT(A, B) \
	PUT(0, A); \
	PUT(16, B); \
	Get R0; Get R1; I64Add; Set R0

// func addOuterTileAsm(a *float32, aStride int, yi, yj *float32, yStride int, w *float32, n int)
// The strides are in bytes.
TEXT ·addOuterTileAsm(SB), NOSPLIT, $0-56
	I64Load a+0(FP)
	Set R0
	I64Load aStride+8(FP)
	Set R1
	I64Load yi+16(FP)
	Set R2
	I64Load yj+24(FP)
	Set R3
	I64Load yStride+32(FP)
	Set R4
	I64Load w+40(FP)
	Set R5
	I64Load n+48(FP)
	Set R6
	TILEGET(V0, V1)
	TILEGET(V2, V3)
	TILEGET(V4, V5)
	TILEGET(V6, V7)
	Loop
		Get R5; I32WrapI64; F32Load $0; Set F0
		Get R3; I32WrapI64; Set PC_B
		Get PC_B; V128Load $16; Set V9
		Get PC_B; V128Load $0; Set V8
		Get R2; I32WrapI64; Set PC_B
		TILEROW(12, V6, V7)
		TILEROW(8, V4, V5)
		TILEROW(4, V2, V3)
		TILEROW(0, V0, V1)
		NEXT(R5, 4)
		Get R3; Get R4; I64Add; Set R3
		Get R2; Get R4; I64Add; Set R2
		Get R6; I64Const $1; I64Sub; Tee R6
		I64Eqz; I32Eqz; BrIf $0
	End
	I64Load a+0(FP)
	Set R0
	TILEPUT(V0, V1)
	TILEPUT(V2, V3)
	TILEPUT(V4, V5)
	TILEPUT(V6, V7)
	RET
