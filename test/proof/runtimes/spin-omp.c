/* SPDX-License-Identifier: MIT */
/* spin-omp SECONDS: a team of OpenMP threads that meet at a barrier again and again. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	const time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	volatile int over = 0;
	double sum = 0;
#pragma omp parallel reduction(+ : sum)
	while (!over) {
		for (int i = 1; i < 10000; i++)
			sum += 1.0 / i;
#pragma omp barrier
#pragma omp master
		over = time(NULL) >= end;
#pragma omp barrier
	}
	printf("done %g\n", sum > 0 ? 1.0 : 0.0);
	return 0;
}
