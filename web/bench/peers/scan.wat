;; The int8 scan, for scale: what one thread of WebAssembly SIMD can do about
;; the inner products of n rows with one query, and nothing else.
;;
;; Memory:
;;       0  the query, 8*d bytes: for every four factors one vector of weights
;;          for the words and one for their high bytes, see below
;;   32768  the k best scores, i32, best first; k is at most 1024
;;   49152  their rows, i32
;;   65536  the rows, in blocks of 16: 64 bytes for factors 0..3 of all 16 rows
;;          (four to a row), 64 bytes for factors 4..7, and so on
;;
;; Factors 0 and 2 of each four are stored with their sign bit turned over. A
;; 16-bit word is then w = u0 + 256*s1 with u0 = s0 + 128, and its high byte
;; alone is s1 = w >> 8, so that
;;
;;   w*q0 + (w >> 8)*(q1 - 256*q0) = u0*q0 + s1*q1 = s0*q0 + s1*q1 + 128*q0
;;
;; The last term is the same for every row. Why not widen with load8x8_s? It
;; costs a shuffle for every 8 factors; this costs a shift for every 16.
(module
  (memory (export "memory") 2)

  ;; Puts a row where it belongs and returns the score that the next one has to
  ;; beat. Rows from n on are padding.
  (func $insert (param $score i32) (param $row i32) (param $n i32) (param $k i32) (result i32)
    (local $at i32)
    (local $last i32)
    (local.set $last (i32.add (i32.const 32764) (i32.shl (local.get $k) (i32.const 2))))
    (block $done
      (br_if $done (i32.ge_u (local.get $row) (local.get $n)))
      (br_if $done (i32.le_s (local.get $score) (i32.load (local.get $last))))
      (local.set $at (local.get $last))
      (block $found
        (loop $up
          (br_if $found (i32.eq (local.get $at) (i32.const 32768)))
          (br_if $found (i32.ge_s (i32.load (i32.sub (local.get $at) (i32.const 4))) (local.get $score)))
          (i32.store (local.get $at) (i32.load (i32.sub (local.get $at) (i32.const 4))))
          (i32.store offset=16384 (local.get $at) (i32.load offset=16380 (local.get $at)))
          (local.set $at (i32.sub (local.get $at) (i32.const 4)))
          (br $up)))
      (i32.store (local.get $at) (local.get $score))
      (i32.store offset=16384 (local.get $at) (local.get $row)))
    (i32.load (local.get $last)))

  ;; The four rows of one vector of sums.
  (func $four (param $s v128) (param $row i32) (param $n i32) (param $k i32) (result i32)
    (drop (call $insert (i32x4.extract_lane 0 (local.get $s)) (local.get $row) (local.get $n) (local.get $k)))
    (drop (call $insert (i32x4.extract_lane 1 (local.get $s)) (i32.add (local.get $row) (i32.const 1)) (local.get $n) (local.get $k)))
    (drop (call $insert (i32x4.extract_lane 2 (local.get $s)) (i32.add (local.get $row) (i32.const 2)) (local.get $n) (local.get $k)))
    (call $insert (i32x4.extract_lane 3 (local.get $s)) (i32.add (local.get $row) (i32.const 3)) (local.get $n) (local.get $k)))

  ;; n rows, d factors (a multiple of 4), k results.
  (func (export "search") (param $n i32) (param $d i32) (param $k i32)
    (local $p i32) (local $q i32) (local $end i32) (local $row i32)
    (local $a v128) (local $b v128) (local $c v128) (local $e v128)
    (local $word v128) (local $high v128) (local $v v128) (local $bar v128)
    (local.set $p (i32.const 32768))
    (local.set $end (i32.add (local.get $p) (i32.shl (local.get $k) (i32.const 2))))
    (loop $clear
      (i32.store (local.get $p) (i32.const 0x80000000))
      (br_if $clear (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 4))) (local.get $end))))
    (local.set $bar (i32x4.splat (i32.const 0x80000000)))
    (local.set $p (i32.const 65536))
    (local.set $end (i32.shl (local.get $d) (i32.const 3)))
    (loop $blocks
      (local.set $a (v128.const i32x4 0 0 0 0))
      (local.set $b (v128.const i32x4 0 0 0 0))
      (local.set $c (v128.const i32x4 0 0 0 0))
      (local.set $e (v128.const i32x4 0 0 0 0))
      (local.set $q (i32.const 0))
      (loop $factors
        (local.set $word (v128.load (local.get $q)))
        (local.set $high (v128.load offset=16 (local.get $q)))
        (local.set $v (v128.load (local.get $p)))
        (local.set $a (i32x4.add (local.get $a) (i32x4.add
          (i32x4.dot_i16x8_s (local.get $v) (local.get $word))
          (i32x4.dot_i16x8_s (i16x8.shr_s (local.get $v) (i32.const 8)) (local.get $high)))))
        (local.set $v (v128.load offset=16 (local.get $p)))
        (local.set $b (i32x4.add (local.get $b) (i32x4.add
          (i32x4.dot_i16x8_s (local.get $v) (local.get $word))
          (i32x4.dot_i16x8_s (i16x8.shr_s (local.get $v) (i32.const 8)) (local.get $high)))))
        (local.set $v (v128.load offset=32 (local.get $p)))
        (local.set $c (i32x4.add (local.get $c) (i32x4.add
          (i32x4.dot_i16x8_s (local.get $v) (local.get $word))
          (i32x4.dot_i16x8_s (i16x8.shr_s (local.get $v) (i32.const 8)) (local.get $high)))))
        (local.set $v (v128.load offset=48 (local.get $p)))
        (local.set $e (i32x4.add (local.get $e) (i32x4.add
          (i32x4.dot_i16x8_s (local.get $v) (local.get $word))
          (i32x4.dot_i16x8_s (i16x8.shr_s (local.get $v) (i32.const 8)) (local.get $high)))))
        (local.set $p (i32.add (local.get $p) (i32.const 64)))
        (br_if $factors (i32.lt_u (local.tee $q (i32.add (local.get $q) (i32.const 32))) (local.get $end))))
      (if (v128.any_true (v128.or
            (v128.or (i32x4.gt_s (local.get $a) (local.get $bar)) (i32x4.gt_s (local.get $b) (local.get $bar)))
            (v128.or (i32x4.gt_s (local.get $c) (local.get $bar)) (i32x4.gt_s (local.get $e) (local.get $bar)))))
        (then
          (drop (call $four (local.get $a) (local.get $row) (local.get $n) (local.get $k)))
          (drop (call $four (local.get $b) (i32.add (local.get $row) (i32.const 4)) (local.get $n) (local.get $k)))
          (drop (call $four (local.get $c) (i32.add (local.get $row) (i32.const 8)) (local.get $n) (local.get $k)))
          (local.set $bar (i32x4.splat
            (call $four (local.get $e) (i32.add (local.get $row) (i32.const 12)) (local.get $n) (local.get $k))))))
      (br_if $blocks (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 16))) (local.get $n))))))
