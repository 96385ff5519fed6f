// Command redis serves the Redis protocol from memory, for an Argo CD that runs without one installed.
// Usage: redis HOST:PORT. It ends on SIGINT or SIGTERM and keeps nothing.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: redis HOST:PORT")
		os.Exit(2)
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	tick := time.NewTicker(time.Second)
	for {
		select {
		case <-tick.C:
			// miniredis never expires keys by itself: its clock moves only when told.
			server.FastForward(time.Second)
		case <-stop:
			server.Close()
			return
		}
	}
}
