// What a plain C loop does about n rows of 64 int8 codes and an int8 query: the
// inner products, and the largest of them. No scales, no best list, a query of
// 8 bits instead of 16: less than quant does. For scale, see BenchmarkBesideC.
//
//	gcc -O3 -march=native -o scan scan.c && ./scan 100000 100
//
// prints the nanoseconds of one row, the median of 5 runs.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { D = 64, RUNS = 5 };

static int32_t scan(const int8_t *restrict rows, const int8_t *restrict query, long n) {
	int32_t best = INT32_MIN;
	for (long i = 0; i < n; i++) {
		int32_t sum = 0;
		for (int f = 0; f < D; f++) sum += rows[i * D + f] * query[f];
		if (sum > best) best = sum;
	}
	return best;
}

static int ascending(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	long n = atol(argv[1]), scans = atol(argv[2]);
	int8_t *rows = aligned_alloc(64, n * D), query[D];
	if (!rows) return 1;
	uint32_t s = 1;
	for (long i = 0; i < n * D; i++) rows[i] = (s = s * 1664525 + 1013904223) >> 24;
	for (int f = 0; f < D; f++) query[f] = (s = s * 1664525 + 1013904223) >> 24;
	double ns[RUNS];
	volatile int32_t sink;
	for (int run = 0; run < RUNS; run++) {
		struct timespec from, to;
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (long k = 0; k < scans; k++) {
			query[k % D]++; // or the loop is hoisted
			sink = scan(rows, query, n);
		}
		clock_gettime(CLOCK_MONOTONIC, &to);
		ns[run] = ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / scans / n;
	}
	(void)sink;
	qsort(ns, RUNS, sizeof *ns, ascending);
	printf("%.4f\n", ns[RUNS / 2]);
	return 0;
}
