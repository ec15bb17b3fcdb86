package main

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tape is `tar -C FOLDER -cf - .` and `tar -C FOLDER -xpf -`.
func tape(args []string) error {
	var folder string
	var extract bool
	for place, arg := range args {
		switch {
		case arg == "-C":
			folder = args[place+1]
		case strings.HasPrefix(arg, "-x"):
			extract = true
		}
	}
	if folder == "" {
		return errors.New("tar: no folder")
	}
	if extract {
		return unpack(folder, os.Stdin)
	}
	return pack(folder, os.Stdout)
}

func pack(folder string, into io.Writer) error {
	packed := tar.NewWriter(into)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return add(packed, folder, path, entry)
	})
	if err != nil {
		return err
	}
	return packed.Close()
}

func add(packed *tar.Writer, folder, path string, entry fs.DirEntry) error {
	facts, err := entry.Info()
	if err != nil {
		return err
	}
	var target string
	if facts.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(facts, target)
	if err != nil {
		return err
	}
	below, _ := filepath.Rel(folder, path)
	header.Name, header.Format = "./"+below, tar.FormatPAX
	if owner, ok := facts.Sys().(*syscall.Stat_t); ok {
		header.Uid, header.Gid = int(owner.Uid), int(owner.Gid)
	}
	if err := packed.WriteHeader(header); err != nil || !facts.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(packed, file)
	return err
}

func unpack(folder string, from io.Reader) error {
	packed := tar.NewReader(from)
	for {
		header, err := packed.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := place(folder, header, packed); err != nil {
			return err
		}
	}
}

func place(folder string, header *tar.Header, content io.Reader) error {
	path := filepath.Join(folder, filepath.Clean("/"+header.Name))
	mode := header.FileInfo().Mode()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := os.MkdirAll(path, mode.Perm()); err != nil {
			return err
		}
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, path)
	case tar.TypeReg:
		if err := copyInto(path, mode, content); err != nil {
			return err
		}
	default:
		return nil
	}
	if os.Geteuid() == 0 {
		if err := os.Lchown(path, header.Uid, header.Gid); err != nil {
			return err
		}
	}
	return os.Chmod(path, mode)
}

func copyInto(path string, mode fs.FileMode, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode.Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		return err
	}
	return file.Close()
}
