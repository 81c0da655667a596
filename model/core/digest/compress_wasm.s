//go:build goexperiment.simd

#include "textflag.h"

// ROTR leaves on the stack REG, four words, rotated right by N; M is 32-N.
#define ROTR(REG, N, M) \
	Get REG; I32Const $N; I32x4ShrU; Get REG; I32Const $M; I32x4Shl; V128Or

// ROUND is one round of SHA-256 (FIPS 180-4, section 6.2.2, step 3) with the
// word at R1+W and the constant at R2+K. The sums of rotations are nested, so
// that each takes three: Σ1(e) = (((e⋙14 ⊕ e)⋙5) ⊕ e)⋙6. V10 is b ⊕ c, and
// becomes a ⊕ b, which is the next round's.
#define ROUND(A, B, C, D, E, F, G, H, W, K) \
	ROTR(E, 14, 18); Get E; V128Xor; Set V8; \
	ROTR(V8, 5, 27); Get E; V128Xor; Set V8; \
	ROTR(V8, 6, 26); Get H; I32x4Add; \
	Get F; Get G; V128Xor; Get E; V128And; Get G; V128Xor; I32x4Add; \
	Get R2; I32WrapI64; I32Load $K; I32x4Splat; I32x4Add; \
	Get R1; I32WrapI64; V128Load $W; I32x4Add; Set V9; \
	Get D; Get V9; I32x4Add; Set D; \
	ROTR(A, 9, 23); Get A; V128Xor; Set V8; \
	ROTR(V8, 11, 21); Get A; V128Xor; Set V8; \
	ROTR(V8, 2, 30); Get V9; I32x4Add; \
	Get A; Get B; V128Xor; Tee V11; Get V10; V128And; Get B; V128Xor; I32x4Add; Set H; \
	Get V11; Set V10

// EXTEND makes the word at W0 that of 16 rounds later; W1, W9 and W14 are those
// that follow it. Words are in two halves of 8: each is a register, R1 or R10,
// and an offset.
#define EXTEND(W0, R1W, W1, R9W, W9, R14W, W14) \
	Get R1W; I32WrapI64; V128Load $W1; Set V8; \
	ROTR(V8, 7, 25); ROTR(V8, 18, 14); V128Xor; Get V8; I32Const $3; I32x4ShrU; V128Xor; \
	Get R14W; I32WrapI64; V128Load $W14; Set V8; \
	ROTR(V8, 17, 15); ROTR(V8, 19, 13); V128Xor; Get V8; I32Const $10; I32x4ShrU; V128Xor; I32x4Add; \
	Get R9W; I32WrapI64; V128Load $W9; I32x4Add; \
	Get R1; I32WrapI64; V128Load $W0; I32x4Add; Set V8; \
	Get R1; I64Const $W0; I64Add; I32WrapI64; Get V8; V128Store $0

// LANE loads 16 bytes at REG+OFF as four big-endian words.
#define LANE(REG, OFF, TO) \
	Get REG; I32WrapI64; V128Load $OFF; V128Const $0x0405060700010203, $0x0c0d0e0f08090a0b; I8x16Swizzle; Set TO

#define STOREWORD(OFF) \
	Set V12; Get R1; I64Const $OFF; I64Add; I32WrapI64; Get V12; V128Store $0

// SWAP exchanges the 64 bit lanes of REG, onto the stack.
#define SWAP(REG) \
	Get REG; V128Const $0x0f0e0d0c0b0a0908, $0x0706050403020100; I8x16Swizzle

// WORDS stores the four words at OFF of each lane as words OFF/4 … OFF/4+3: a
// transposition. V13 has ones in the low half of each 64 bit lane, V14 in the
// low one.
#define WORDS(OFF, O0, O1, O2, O3) \
	LANE(R4, OFF, V8); LANE(R5, OFF, V9); LANE(R6, OFF, V10); LANE(R7, OFF, V11); \
	Get V8; Get V9; I32Const $32; I64x2Shl; Get V13; V128Bitselect; \
	Get V8; I32Const $32; I64x2ShrU; Get V9; Get V13; V128Bitselect; Set V9; Set V8; \
	Get V10; Get V11; I32Const $32; I64x2Shl; Get V13; V128Bitselect; \
	Get V10; I32Const $32; I64x2ShrU; Get V11; Get V13; V128Bitselect; Set V11; Set V10; \
	Get V8; SWAP(V10); Get V14; V128Bitselect; STOREWORD(O0); \
	Get V9; SWAP(V11); Get V14; V128Bitselect; STOREWORD(O1); \
	SWAP(V8); Get V10; Get V14; V128Bitselect; STOREWORD(O2); \
	SWAP(V9); Get V11; Get V14; V128Bitselect; STOREWORD(O3)

// STATE adds REG to the four words at R0+OFF, and leaves the sum in REG.
#define ADDSTATE(REG, OFF) \
	Get R0; I32WrapI64; V128Load $OFF; Get REG; I32x4Add; Set REG; \
	Get R0; I64Const $OFF; I64Add; I32WrapI64; Get REG; V128Store $0

// func compress4(state *[8][4]uint32, words *[16][4]uint32, constants *[64]uint32, lanes *[4]*byte, blocks int)
TEXT ·compress4(SB), NOSPLIT, $0-40
	I64Load state+0(FP)
	Set R0
	I64Load words+8(FP)
	Set R1
	I64Load lanes+24(FP)
	Set R3
	I64Load blocks+32(FP)
	Set R8
	Get R3; I32WrapI64; I64Load $0; Set R4
	Get R3; I32WrapI64; I64Load $8; Set R5
	Get R3; I32WrapI64; I64Load $16; Set R6
	Get R3; I32WrapI64; I64Load $24; Set R7
	I64Const $0xffffffff
	I64x2Splat
	Set V13
	V128Const $-1, $0
	Set V14
	Get R0; I32WrapI64; V128Load $0; Set V0
	Get R0; I32WrapI64; V128Load $16; Set V1
	Get R0; I32WrapI64; V128Load $32; Set V2
	Get R0; I32WrapI64; V128Load $48; Set V3
	Get R0; I32WrapI64; V128Load $64; Set V4
	Get R0; I32WrapI64; V128Load $80; Set V5
	Get R0; I32WrapI64; V128Load $96; Set V6
	Get R0; I32WrapI64; V128Load $112; Set V7
	Block
		Loop
			Get R8
			I64Eqz
			BrIf $1
			WORDS(0, 0, 16, 32, 48)
			WORDS(16, 64, 80, 96, 112)
			WORDS(32, 128, 144, 160, 176)
			WORDS(48, 192, 208, 224, 240)
			I64Load constants+16(FP)
			Set R2
			Get R1
			I64Const $128
			I64Add
			Set R10 // the other half of the words
			I64Const $8
			Set R9 // eights of rounds
			Get V1
			Get V2
			V128Xor
			Set V10
			Loop
				ROUND(V0, V1, V2, V3, V4, V5, V6, V7, 0, 0)
				ROUND(V7, V0, V1, V2, V3, V4, V5, V6, 16, 4)
				ROUND(V6, V7, V0, V1, V2, V3, V4, V5, 32, 8)
				ROUND(V5, V6, V7, V0, V1, V2, V3, V4, 48, 12)
				ROUND(V4, V5, V6, V7, V0, V1, V2, V3, 64, 16)
				ROUND(V3, V4, V5, V6, V7, V0, V1, V2, 80, 20)
				ROUND(V2, V3, V4, V5, V6, V7, V0, V1, 96, 24)
				ROUND(V1, V2, V3, V4, V5, V6, V7, V0, 112, 28)
				Get R9
				I64Const $2
				I64GtS
				If // these words are wanted again, 16 rounds later
					EXTEND(0, R1, 16, R10, 16, R10, 96)
					EXTEND(16, R1, 32, R10, 32, R10, 112)
					EXTEND(32, R1, 48, R10, 48, R1, 0)
					EXTEND(48, R1, 64, R10, 64, R1, 16)
					EXTEND(64, R1, 80, R10, 80, R1, 32)
					EXTEND(80, R1, 96, R10, 96, R1, 48)
					EXTEND(96, R1, 112, R10, 112, R1, 64)
					EXTEND(112, R10, 0, R1, 0, R1, 80)
				End
				Get R1
				Get R10
				Set R1
				Set R10
				Get R2
				I64Const $32
				I64Add
				Set R2
				Get R9
				I64Const $1
				I64Sub
				Tee R9
				I64Eqz
				I32Eqz
				BrIf $0
			End
			ADDSTATE(V0, 0)
			ADDSTATE(V1, 16)
			ADDSTATE(V2, 32)
			ADDSTATE(V3, 48)
			ADDSTATE(V4, 64)
			ADDSTATE(V5, 80)
			ADDSTATE(V6, 96)
			ADDSTATE(V7, 112)
			Get R4; I64Const $64; I64Add; Set R4
			Get R5; I64Const $64; I64Add; Set R5
			Get R6; I64Const $64; I64Add; Set R6
			Get R7; I64Const $64; I64Add; Set R7
			Get R8
			I64Const $1
			I64Sub
			Set R8
			Br $0
		End
	End
	RET
