//go:build goexperiment.simd

#include "textflag.h"

// See scan_wasm.s for why this is assembly, and for what the assembler lacks.

// SUMLOOK leaves on the stack what the 16 low halves of the codes at PC_B+AT
// find in the table at R3+AT. PC_B is R0, see TILESTEP; the highest AT goes
// first. V0 is 15 in every byte. The codes stay in V2 and the
// table in V3, for SUMHIGH and the high halves.
#define SUMLOOK(AT) \
	Get R3; I32WrapI64; V128Load $AT; Tee V3; \
	Get PC_B; V128Load $AT; Tee V2; \
	Get V0; V128And; I8x16Swizzle

#define SUMHIGH \
	Get V3; \
	Get V2; I32Const $4; I16x8ShrU; Get V0; V128And; I8x16Swizzle

// SUMADD does SUMLOOK and SUMHIGH and adds what they find to V4 and V5.
#define SUMADD(AT) \
	SUMLOOK(AT); Get V4; I8x16Add; Set V4; \
	SUMHIGH; Get V5; I8x16Add; Set V5

// SUMWIDEN adds the bytes of V4 and V5, pairs of an even and an odd one, to the
// 16 bit sums: the pairs as they are to V6 and V8, the odd ones to V7 and V9.
#define SUMWIDEN \
	Get V4; Get V6; I16x8Add; Set V6; \
	Get V4; I32Const $8; I16x8ShrU; Get V7; I16x8Add; Set V7; \
	Get V5; Get V8; I16x8Add; Set V8; \
	Get V5; I32Const $8; I16x8ShrU; Get V9; I16x8Add; Set V9

#define SUMSTEP(N) \
	Get R0; I64Const $N; I64Add; Set R0; \
	Get R3; I64Const $N; I64Add; Set R3

// SCALED makes the 8 sums of SUMS scores: less V11, shifted left by R9, times
// the scales in the low or high half of V10, see scoreOf.
#define SCALED(SUMS, EXTEND) \
	Get SUMS; Get V11; I16x8Sub; Get R9; I32WrapI64; I16x8Shl; \
	Get V10; EXTEND; I32Const $7; I16x8Shl; I16x8Q15MulrSatS; Set SUMS

// STORE stores SUMS at R7+AT.
#define STORE(SUMS, AT) \
	Get R7; I64Const $AT; I64Add; I32WrapI64; Get SUMS; V128Store $0

// func sumScanAsm(codes *byte, looks, m int, tables *byte, zero int16, shift uint8, scales *byte, least int16, step int, hits *sumHit, room int) (done, found int)
TEXT ·sumScanAsm(SB), NOSPLIT, $0-96
	I64Load codes+0(FP)
	Set R0
	I64Load looks+8(FP)
	Set R1
	I64Load m+16(FP)
	Set R2
	I64Load tables+24(FP)
	Set R4
	I64Load16S zero+32(FP)
	I32WrapI64
	I16x8Splat
	Set V11
	I64Load8U shift+34(FP)
	Set R9
	I64Load scales+40(FP)
	Set R8
	I64Load16S least+48(FP)
	I32WrapI64
	I16x8Splat
	Set V12
	I64Load step+56(FP)
	I64Const $32
	I64Mul
	Set R12 // scales from one look to the next
	Get R12
	I64Const $32
	I64Sub
	Get R2
	I64Mul
	I64Const $1
	I64ShrU
	Set R11 // codes that are passed over: 16·m for each block
	I64Load hits+64(FP)
	Set R7
	I64Const $0
	Tee R6 // blocks looked at
	Set R10 // hits
	I32Const $15
	I8x16Splat
	Set V0
	I32Const $0
	I8x16Splat
	Set V1
	Block
		Loop
			Get R6
			Get R1
			I64GeS
			BrIf $1
			Get R4
			Set R3
			Get R2
			Set R5 // sub-quantisers left
			Get V1
			Tee V6
			Tee V7
			Tee V8
			Set V9
			Block
				Loop
					Get R5
					I64Const $4
					I64LtS
					BrIf $1
					Get R0
					I32WrapI64
					Set PC_B
					SUMLOOK(48); Set V4
					SUMHIGH; Set V5
					SUMADD(32)
					SUMADD(16)
					SUMADD(0)
					SUMWIDEN
					SUMSTEP(64)
					Get R5
					I64Const $4
					I64Sub
					Set R5
					Br $0
				End
			End
			Get R5
			I64Eqz
			I32Eqz
			If // two more
				Get R0
				I32WrapI64
				Set PC_B
				SUMLOOK(16); Set V4
				SUMHIGH; Set V5
				SUMADD(0)
				SUMWIDEN
				SUMSTEP(32)
			End
			Get V6; Get V7; I32Const $8; I16x8Shl; I16x8Sub; Set V6
			Get V8; Get V9; I32Const $8; I16x8Shl; I16x8Sub; Set V8

			Get R8; I32WrapI64; V128Load $0; Set V10
			SCALED(V6, I16x8ExtendLowI8x16U)
			SCALED(V7, I16x8ExtendHighI8x16U)
			Get R8; I32WrapI64; V128Load $16; Set V10
			SCALED(V8, I16x8ExtendLowI8x16U)
			SCALED(V9, I16x8ExtendHighI8x16U)
			Get R6
			I64Const $1
			I64Add
			Set R6
			Get R0; Get R11; I64Add; Set R0
			Get R8; Get R12; I64Add; Set R8
			Get V6; Get V7; I16x8MaxS
			Get V8; Get V9; I16x8MaxS
			I16x8MaxS
			Get V12
			I16x8GeS
			V128AnyTrue
			If
				STORE(V6, 0)
				STORE(V7, 16)
				STORE(V8, 32)
				STORE(V9, 48)
				Get R7
				I64Const $64
				I64Add
				I32WrapI64
				Get V6; Get V12; I16x8GeS; I16x8Bitmask
				Get V7; Get V12; I16x8GeS; I16x8Bitmask; I32Const $8; I32Shl; I32Or
				Get V8; Get V12; I16x8GeS; I16x8Bitmask; I32Const $16; I32Shl; I32Or
				Get V9; Get V12; I16x8GeS; I16x8Bitmask; I32Const $24; I32Shl; I32Or
				I32Store $0
				Get R7
				I64Const $68
				I64Add
				I32WrapI64
				Get R6
				I64Const $1
				I64Sub
				I32WrapI64
				I32Store $0
				Get R7
				I64Const $72
				I64Add
				Set R7
				Get R10
				I64Const $1
				I64Add
				Tee R10
				I64Load room+72(FP)
				I64GeS
				BrIf $2
			End
			Br $0
		End
	End
	Get SP
	Get R6
	I64Store done+80(FP)
	Get SP
	Get R10
	I64Store found+88(FP)
	RET
