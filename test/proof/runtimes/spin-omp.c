/* SPDX-License-Identifier: MIT */
/*
 * spin-omp SECONDS [free]: a team of OpenMP threads that meet at a barrier again and again, or that do
 * not wait for each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	const time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	volatile int over = 0;
	const int meet = argc < 3;
	double sum = 0;
#pragma omp parallel reduction(+ : sum)
	while (!over) {
		for (int i = 1; i < 10000; i++)
			sum += 1.0 / i;
		if (!meet) {
			if (time(NULL) >= end)
				break;
			continue;
		}
#pragma omp barrier
#pragma omp master
		over = time(NULL) >= end;
#pragma omp barrier
	}
	printf("done %g\n", sum > 0 ? 1.0 : 0.0);
	return 0;
}
