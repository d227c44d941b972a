// SPDX-License-Identifier: MIT

// spin SECONDS [WORKERS]: goroutines that are locked to their threads and poll, and a main goroutine
// that waits. Their loop calls no function: each call is a place where the scheduler may take over.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func poll(over *uint32, turns *uint64, done *sync.WaitGroup) {
	runtime.LockOSThread()
	for atomic.LoadUint32(over) == 0 {
		*turns++
	}
	done.Done()
}

func main() {
	seconds, _ := strconv.Atoi(os.Args[1])
	workers := 1
	if len(os.Args) > 2 {
		workers, _ = strconv.Atoi(os.Args[2])
	}
	var over uint32
	var done sync.WaitGroup
	turns := make([]uint64, workers)
	done.Add(workers)
	for i := range turns {
		go poll(&over, &turns[i], &done)
	}
	time.Sleep(time.Duration(seconds) * time.Second)
	atomic.StoreUint32(&over, 1)
	done.Wait()
	fmt.Println("done")
}
