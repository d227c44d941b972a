# SPDX-License-Identifier: MIT
"""spin.py SECONDS [SLEEPERS]: the main thread polls; SLEEPERS threads wake up every 100 ms."""
import sys
import threading
import time

def sleep_and_wake():
    while True:
        time.sleep(0.1)

for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0):
    threading.Thread(target=sleep_and_wake, daemon=True).start()
end = time.monotonic() + int(sys.argv[1])
turns = 0
while time.monotonic() < end:
    turns += 1
print('done')
