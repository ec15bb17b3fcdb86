// A few programs in one, for pods where no image registry is at hand. `connect` and
// `netexec` are called, and answer, as in agnhost; `tar`, `sleep` and `cat` as anywhere.
// The name under which it is called, or its first argument, says which one is meant.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const version = "1.0.0"

var programs = map[string]func([]string) error{
	"connect": connect,
	"netexec": netexec,
	"tar":     tape,
	"sleep":   sleep,
	"cat":     cat,
	"write":   write,
	"eat":     eat,
	"sh":      script,
	"version": func([]string) error { fmt.Println("probe", version); return nil },
}

func main() {
	log.SetFlags(0)
	called := append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
	if programs[called[0]] == nil {
		called = called[1:]
	}
	if len(called) == 0 || programs[called[0]] == nil {
		log.Fatal("which program?")
	}
	if err := programs[called[0]](called[1:]); err != nil {
		log.Fatal(err)
	}
}

// connect opens a TCP connection, and says in one word why it could not.
func connect(args []string) error {
	where, args := args[0], args[1:]
	flags := flag.NewFlagSet("connect", flag.ExitOnError)
	patience := flags.Duration("timeout", 5*time.Second, "")
	flags.Parse(args)
	connection, err := net.DialTimeout("tcp", where, *patience)
	if err == nil {
		return connection.Close()
	}
	var unnamed *net.DNSError
	var slow net.Error
	switch {
	case errors.As(err, &unnamed):
		return fmt.Errorf("DNS: %v", err)
	case errors.As(err, &slow) && slow.Timeout():
		return errors.New("TIMEOUT")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("REFUSED")
	}
	return fmt.Errorf("OTHER: %v", err)
}

// netexec answers over HTTP with the name of its host.
func netexec(args []string) error {
	flags := flag.NewFlagSet("netexec", flag.ExitOnError)
	port := flags.Int("http-port", 8080, "")
	flags.Int("udp-port", -1, "")
	flags.Parse(args)
	name, _ := os.Hostname()
	http.HandleFunc("/", func(to http.ResponseWriter, asked *http.Request) {
		fmt.Println(asked.Method, asked.URL.Path)
		fmt.Fprintln(to, name)
	})
	fmt.Println("listening on", *port)
	return http.ListenAndServe(":"+strconv.Itoa(*port), nil)
}

func sleep(args []string) error {
	seconds, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(seconds) * time.Second)
	return nil
}

func cat(args []string) error {
	if len(args) == 0 {
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	}
	for _, name := range args {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := io.Copy(os.Stdout, file); err != nil {
			return err
		}
	}
	return nil
}

// write FILE BYTES makes a file of so many bytes that no compression makes small; write FILE
// alone keeps what comes in.
func write(args []string) error {
	if err := os.MkdirAll(filepath.Dir(args[0]), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(args[0], os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	var from io.Reader = os.Stdin
	if len(args) > 1 {
		size, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return err
		}
		from = io.LimitReader(&noise{state: 1}, size)
	}
	if _, err := io.Copy(file, from); err != nil {
		return err
	}
	return file.Close()
}

type noise struct{ state uint64 }

func (n *noise) Read(into []byte) (int, error) {
	for i := range into {
		n.state ^= n.state << 13
		n.state ^= n.state >> 7
		n.state ^= n.state << 17
		into[i] = byte(n.state)
	}
	return len(into), nil
}

// eat takes so many MiB of memory and holds them.
func eat(args []string) error {
	wanted, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var held [][]byte
	for range wanted {
		block := make([]byte, 1<<20)
		(&noise{state: 7}).Read(block)
		held = append(held, block)
	}
	fmt.Println("ate", len(held), "MiB")
	time.Sleep(time.Hour)
	return nil
}

// script stands for a shell where a storage provisioner calls one: with /script/setup or
// /script/teardown, and the volume's folder in VOL_DIR.
func script(args []string) error {
	folder := os.Getenv("VOL_DIR")
	if len(args) == 0 || folder == "" {
		return errors.New("only the two scripts of a storage provisioner are known")
	}
	if strings.HasSuffix(args[0], "teardown") {
		return os.RemoveAll(folder)
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	return os.Chmod(folder, 0o777)
}
