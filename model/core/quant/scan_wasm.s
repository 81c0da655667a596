//go:build goexperiment.simd

#include "textflag.h"

// Why assembly? The compiler puts every basic block behind a br_table, which
// costs a scan a factor of two; the assembler has none.
//
// What the assembler of go1.27.0 cannot do decides the form: lane numbers and
// the offsets of V128Store are always encoded as 0, and shuffles and loads of
// lanes get no operand bytes. So lanes meet by shifts of 64 bit lanes and
// V128Bitselect, and a store has an address of its own.

// INT8DOT adds to the sums ACC the products of 16 codes at ROW with the query
// in V8 (codes 0 … 7) and V9.
#define INT8DOT(ROW, OFF, ACC) \
	Get ROW; I32WrapI64; V128Load $OFF; Tee V10; \
	I16x8ExtendLowI8x16S; Get V8; I32x4DotI16x8S; \
	Get V10; I16x8ExtendHighI8x16S; Get V9; I32x4DotI16x8S; \
	I32x4Add; Get ACC; I32x4Add; Set ACC

// INT8STEP does 16 columns, from OFF on, of four rows.
#define INT8STEP(OFF, QOFF0, QOFF1) \
	Get R3; I32WrapI64; V128Load $QOFF0; Set V8; \
	Get R3; I32WrapI64; V128Load $QOFF1; Set V9; \
	INT8DOT(R4, OFF, V4); \
	INT8DOT(R5, OFF, V5); \
	INT8DOT(R6, OFF, V6); \
	INT8DOT(R7, OFF, V7)

// ADVANCE moves the four rows and the query on by N codes.
#define ADVANCE(N, QN) \
	Get R4; I64Const $N; I64Add; Set R4; \
	Get R5; I64Const $N; I64Add; Set R5; \
	Get R6; I64Const $N; I64Add; Set R6; \
	Get R7; I64Const $N; I64Add; Set R7; \
	Get R3; I64Const $QN; I64Add; Set R3

// PAIR leaves in TO the lanes a0+a1, b0+b1, a2+a3, b2+b3 of A and B. V11 has
// ones in the low half of each 64 bit lane.
#define PAIR(A, B, TO) \
	Get A; Get A; I32Const $32; I64x2ShrU; I32x4Add; \
	Get B; Get B; I32Const $32; I64x2Shl; I32x4Add; \
	Get V11; V128Bitselect; Set TO

// REDUCE leaves in V4 the sums of the lanes of V4, V5, V6 and V7. V11 has ones
// in the low half of each 64 bit lane, V13 swaps the 64 bit lanes, V14 has ones
// in the low one.
#define REDUCE \
	PAIR(V4, V5, V4); \
	PAIR(V6, V7, V6); \
	Get V4; Get V4; Get V13; I8x16Swizzle; I32x4Add; \
	Get V6; Get V6; Get V13; I8x16Swizzle; I32x4Add; \
	Get V14; V128Bitselect; Set V4

#define REDUCECONSTANTS \
	I64Const $0xffffffff; I64x2Splat; Set V11; \
	V128Const $0x0f0e0d0c0b0a0908, $0x0706050403020100; Set V13; \
	V128Const $-1, $0; Set V14

// ZEROSUMS starts the sums of four rows.
#define ZEROSUMS \
	I32Const $0; I32x4Splat; Tee V4; Tee V5; Tee V6; Set V7

// INT8ROWS computes the products of the four rows at R4 … R7, of R2 codes, with
// the query at R3. The sums are the lanes of V4.
#define INT8ROWS \
	ZEROSUMS; \
	Get R2; Set R10; \
	Block; \
		Loop; \
			Get R10; I64Const $64; I64LtS; BrIf $1; \
			INT8STEP(0, 0, 16); \
			INT8STEP(16, 32, 48); \
			INT8STEP(32, 64, 80); \
			INT8STEP(48, 96, 112); \
			ADVANCE(64, 128); \
			Get R10; I64Const $64; I64Sub; Set R10; \
			Br $0; \
		End; \
	End; \
	Block; \
		Loop; \
			Get R10; I64Const $16; I64LtS; BrIf $1; \
			INT8STEP(0, 0, 16); \
			ADVANCE(16, 32); \
			Get R10; I64Const $16; I64Sub; Set R10; \
			Br $0; \
		End; \
	End; \
	Get R10; I64Const $0; I64GtS; \
	If; \
		Get R10; I64Const $16; I64Sub; Set R10; \
		Get R4; Get R10; I64Add; Set R4; \
		Get R5; Get R10; I64Add; Set R5; \
		Get R6; Get R10; I64Add; Set R6; \
		Get R7; Get R10; I64Add; Set R7; \
		INT8STEP(0, 0, 16); \
	End; \
	REDUCE

// TILEHIGH adds to ACC the products of 4 rows by 4 factors at PC_B + OFF with
// the query's high part in V8 and V9, see tiles.go.
#define TILEHIGH(OFF, ACC) \
	Get PC_B; V128Load $OFF; Tee V10; \
	Get V8; I32x4DotI16x8S; \
	Get V10; I32Const $8; I16x8ShrS; Get V9; I32x4DotI16x8S; \
	I32x4Add; Get ACC; I32x4Add; Set ACC

// TILEDOT is TILEHIGH for the whole query. V0 has ones in low bytes.
#define TILEDOT(OFF, ACC) \
	Get PC_B; V128Load $OFF; Tee V10; \
	Get V0; V128And; Get V8; I32x4DotI16x8S; \
	Get V10; I32Const $8; I16x8ShrS; Get V9; I32x4DotI16x8S; \
	I32x4Add; Get ACC; I32x4Add; Set ACC

// TILESTEP does the tile at R0 with the query at R3. An address in PC_B, the
// one local of 32 bits, free where nothing is called, is known to wazero as the
// same in all loads; once the highest is in bounds it checks no other.
#define TILESTEP(DOT) \
	Get R3; I32WrapI64; Set PC_B; \
	Get PC_B; V128Load $16; Set V9; \
	Get PC_B; V128Load $0; Set V8; \
	Get R0; I32WrapI64; Set PC_B; \
	DOT(48, V7); \
	DOT(32, V6); \
	DOT(16, V5); \
	DOT(0, V4)

// SCALED leaves on the stack the sums of 4 rows in ACC times their scales in
// EXTEND's half of V10.
#define SCALED(ACC, EXTEND) \
	Get ACC; F32x4ConvertI32x4S; \
	Get V10; EXTEND; F32x4ConvertI32x4S; \
	F32x4Mul

// TILESUM sets V4 … V7 to START and the sums over the tiles from R0 to R10.
#define TILESUM(DOT, START) \
	Get START; Tee V4; Tee V5; Tee V6; Set V7; \
	Loop; \
		TILESTEP(DOT); \
		Get R3; I64Const $32; I64Add; Set R3; \
		Get R0; I64Const $64; I64Add; Tee R0; \
		Get R10; I64LtU; BrIf $0; \
	End

// TILESTORE stores V4 … V7 at R7.
#define TILESTORE \
	Get R7; I32WrapI64; Get V4; V128Store $0; \
	Get R7; I64Const $16; I64Add; I32WrapI64; Get V5; V128Store $0; \
	Get R7; I64Const $32; I64Add; I32WrapI64; Get V6; V128Store $0; \
	Get R7; I64Const $48; I64Add; I32WrapI64; Get V7; V128Store $0

// TILELOW sets V0, for TILEDOT.
#define TILELOW \
	I32Const $0x00ff; I16x8Splat; Set V0

// func tileScanAsm(tiles *byte, groups, size int, high, query *int16, startHigh, start int32, scales *byte, bar float32, dots *[16]int32) int
TEXT ·tileScanAsm(SB), NOSPLIT, $0-80
	I64Load tiles+0(FP)
	Set R0
	I64Load groups+8(FP)
	Set R1
	I64Load size+16(FP)
	Set R2
	I64Load high+24(FP)
	Set R4
	I64Load32S startHigh+40(FP)
	I32WrapI64
	I32x4Splat
	Set V1
	I64Load scales+48(FP)
	Set R8
	F32Load bar+56(FP)
	F32x4Splat
	Set V3
	I64Const $0
	Set R9 // group
	Block
		Loop
			Get R9
			Get R1
			I64GeS
			BrIf $1
			Get R4
			Set R3
			Get R0
			Get R2
			I64Add
			Set R10
			TILESUM(TILEHIGH, V1)
			Get R8; I32WrapI64; V128Load $0; Set V10
			SCALED(V4, I32x4ExtendLowI16x8U)
			SCALED(V5, I32x4ExtendHighI16x8U)
			F32x4Pmax
			Get R8; I32WrapI64; V128Load $16; Set V10
			SCALED(V6, I32x4ExtendLowI16x8U)
			SCALED(V7, I32x4ExtendHighI16x8U)
			F32x4Pmax
			F32x4Pmax
			Get V3
			F32x4Ge
			V128AnyTrue
			If
				Get R0
				Get R2
				I64Sub
				Set R0
				I64Load query+32(FP)
				Set R3
				I64Load32S start+44(FP)
				I32WrapI64
				I32x4Splat
				Set V1
				TILELOW
				TILESUM(TILEDOT, V1)
				I64Load dots+64(FP)
				Set R7
				TILESTORE
				Br $2
			End
			Get R8; I64Const $32; I64Add; Set R8
			Get R9; I64Const $1; I64Add; Set R9
			Br $0
		End
	End
	Get SP
	Get R9
	I64Store ret+72(FP)
	RET

// func tileDotsAsm(tiles *byte, size int, query *int16, start int32, dots *[16]int32)
TEXT ·tileDotsAsm(SB), NOSPLIT, $0-40
	I64Load tiles+0(FP)
	Tee R0
	I64Load size+8(FP)
	I64Add
	Set R10
	I64Load query+16(FP)
	Set R3
	I64Load32S start+24(FP)
	I32WrapI64
	I32x4Splat
	Set V1
	TILELOW
	TILESUM(TILEDOT, V1)
	I64Load dots+32(FP)
	Set R7
	TILESTORE
	RET

// INT4DOT adds to the sums ACC the products of the 32 codes at ROW with the
// query in V8, V9, V10 and V12. V0 is 15 in every byte.
#define INT4DOT(ROW, ACC) \
	Get ROW; I32WrapI64; V128Load $0; Tee V15; \
	Get V0; V128And; Tee V1; \
	I16x8ExtendLowI8x16U; Get V8; I32x4DotI16x8S; \
	Get V1; I16x8ExtendHighI8x16U; Get V9; I32x4DotI16x8S; I32x4Add; \
	Get V15; I32Const $4; I16x8ShrU; Get V0; V128And; Tee V1; \
	I16x8ExtendLowI8x16U; Get V10; I32x4DotI16x8S; I32x4Add; \
	Get V1; I16x8ExtendHighI8x16U; Get V12; I32x4DotI16x8S; I32x4Add; \
	Get ACC; I32x4Add; Set ACC

// INT4ROWS is INT8ROWS for rows of R2 bytes, 32 codes in 16 of them, each 8
// more than its value. V2 is what that adds to each sum.
#define INT4ROWS \
	ZEROSUMS; \
	Get R2; Set R10; \
	Loop; \
		Get R3; I32WrapI64; V128Load $0; Set V8; \
		Get R3; I32WrapI64; V128Load $16; Set V9; \
		Get R3; I32WrapI64; V128Load $32; Set V10; \
		Get R3; I32WrapI64; V128Load $48; Set V12; \
		INT4DOT(R4, V4); \
		INT4DOT(R5, V5); \
		INT4DOT(R6, V6); \
		INT4DOT(R7, V7); \
		ADVANCE(16, 64); \
		Get R10; I64Const $16; I64Sub; Tee R10; \
		I64Const $0; I64GtS; BrIf $0; \
	End; \
	REDUCE; \
	Get V4; Get V2; I32x4Sub; Set V4

// FOURROWS points R4 … R7 at the four rows from R0 on, R2 apart.
#define FOURROWS \
	Get R0; Tee R4; Get R2; I64Add; Tee R5; Get R2; I64Add; Tee R6; Get R2; I64Add; Set R7

// ROWAT points REG at the row whose number stands at R1 + OFF; R0 is row 0.
#define ROWAT(OFF, REG) \
	Get R1; I32WrapI64; I64Load32U $OFF; Get R2; I64Mul; Get R0; I64Add; Set REG

// FOURITEMS points R4 … R7 at the four rows whose numbers stand at R1.
#define FOURITEMS \
	ROWAT(0, R4); ROWAT(4, R5); ROWAT(8, R6); ROWAT(12, R7)

// STOREDOTS stores V4 at REG.
#define STOREDOTS(REG) \
	Get REG; I32WrapI64; Get V4; V128Store $0

// ANYSCORE leaves on the stack whether a sum of V4 times its scale, four at R8,
// is at least the threshold V3, two of 64 bits.
#define ANYSCORE \
	Get R8; I32WrapI64; I64Load $0; I64x2Splat; I32x4ExtendLowI16x8U; Set V5; \
	Get V4; Get V5; I64x2ExtmulLowI32x4S; Get V3; I64x2GeS; \
	Get V4; Get V5; I64x2ExtmulHighI32x4S; Get V3; I64x2GeS; \
	V128Or; V128AnyTrue

// NEXTGROUP moves on to the next four rows and their scales.
#define NEXTGROUP \
	Get R0; Get R2; I64Const $2; I64Shl; I64Add; Set R0; \
	Get R8; I64Const $8; I64Add; Set R8; \
	Get R9; I64Const $1; I64Add; Set R9

// func int8ScanAsm(codes *int8, groups, d int, query *int16, scales *byte, least int64, dots *[4]int32) int
TEXT ·int8ScanAsm(SB), NOSPLIT, $0-64
	I64Load codes+0(FP)
	Set R0
	I64Load groups+8(FP)
	Set R1
	I64Load d+16(FP)
	Set R2
	I64Load scales+32(FP)
	Set R8
	I64Load least+40(FP)
	I64x2Splat
	Set V3
	I64Const $0
	Set R9 // group
	REDUCECONSTANTS
	Block
		Loop
			Get R9
			Get R1
			I64GeS
			BrIf $1
			FOURROWS
			I64Load query+24(FP)
			Set R3
			INT8ROWS
			ANYSCORE
			If
				I64Load dots+48(FP)
				Set R11
				STOREDOTS(R11)
				Br $2
			End
			NEXTGROUP
			Br $0
		End
	End
	Get SP
	Get R9
	I64Store ret+56(FP)
	RET

// func int4ScanAsm(codes *byte, groups, stride int, query *int16, bias int32, scales *byte, least int64, dots *[4]int32) int
TEXT ·int4ScanAsm(SB), NOSPLIT, $0-72
	I64Load codes+0(FP)
	Set R0
	I64Load groups+8(FP)
	Set R1
	I64Load stride+16(FP)
	Set R2
	I64Load32S bias+32(FP)
	I32WrapI64
	I32x4Splat
	Set V2
	I64Load scales+40(FP)
	Set R8
	I64Load least+48(FP)
	I64x2Splat
	Set V3
	I64Const $0
	Set R9 // group
	I32Const $15
	I8x16Splat
	Set V0
	REDUCECONSTANTS
	Block
		Loop
			Get R9
			Get R1
			I64GeS
			BrIf $1
			FOURROWS
			I64Load query+24(FP)
			Set R3
			INT4ROWS
			ANYSCORE
			If
				I64Load dots+56(FP)
				Set R11
				STOREDOTS(R11)
				Br $2
			End
			NEXTGROUP
			Br $0
		End
	End
	Get SP
	Get R9
	I64Store ret+64(FP)
	RET

// func int8RowsAsm(codes *int8, d int, query *int16, items *int32, groups int, dots *int32)
TEXT ·int8RowsAsm(SB), NOSPLIT, $0-48
	I64Load codes+0(FP)
	Set R0
	I64Load d+8(FP)
	Set R2
	I64Load items+24(FP)
	Set R1
	I64Load groups+32(FP)
	Set R9
	I64Load dots+40(FP)
	Set R11
	REDUCECONSTANTS
	Block
		Loop
			Get R9
			I64Eqz
			BrIf $1
			FOURITEMS
			I64Load query+16(FP)
			Set R3
			INT8ROWS
			STOREDOTS(R11)
			Get R11
			I64Const $16
			I64Add
			Set R11
			Get R1
			I64Const $16
			I64Add
			Set R1
			Get R9
			I64Const $1
			I64Sub
			Set R9
			Br $0
		End
	End
	RET

// func int4RowsAsm(codes *byte, stride int, query *int16, bias int32, items *int32, groups int, dots *int32)
TEXT ·int4RowsAsm(SB), NOSPLIT, $0-56
	I64Load codes+0(FP)
	Set R0
	I64Load stride+8(FP)
	Set R2
	I64Load32S bias+24(FP)
	I32WrapI64
	I32x4Splat
	Set V2
	I64Load items+32(FP)
	Set R1
	I64Load groups+40(FP)
	Set R9
	I64Load dots+48(FP)
	Set R11
	I32Const $15
	I8x16Splat
	Set V0
	REDUCECONSTANTS
	Block
		Loop
			Get R9
			I64Eqz
			BrIf $1
			FOURITEMS
			I64Load query+16(FP)
			Set R3
			INT4ROWS
			STOREDOTS(R11)
			Get R11
			I64Const $16
			I64Add
			Set R11
			Get R1
			I64Const $16
			I64Add
			Set R1
			Get R9
			I64Const $1
			I64Sub
			Set R9
			Br $0
		End
	End
	RET
