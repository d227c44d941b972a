! SPDX-License-Identifier: MIT
! spin-omp SECONDS: a team of OpenMP threads that meet at a barrier again and again.
program spin
  use iso_fortran_env, only: int64
  implicit none
  integer(int64) :: now, rate, ending
  integer :: i, seconds
  logical :: over
  real(8) :: total
  character(16) :: text
  call get_command_argument(1, text)
  read (text, *) seconds
  call system_clock(now, rate)
  ending = now + seconds * rate
  over = .false.
  total = 0
  !$omp parallel reduction(+:total) private(i)
  do while (.not. over)
    do i = 1, 10000
      total = total + 1d0 / i
    end do
    !$omp barrier
    !$omp master
    call system_clock(now)
    over = now >= ending
    !$omp end master
    !$omp barrier
  end do
  !$omp end parallel
  print '(a)', 'done'
end program
