package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/creack/pty"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// ExecInContainer runs argv in the container's folder. Its stdin ends when the
// client's does, and its exit code is reported as a container's would be.
func (n node) ExecInContainer(ctx context.Context, pod, _, name string, argv []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	c, err := n.container(pod, name)
	if err != nil {
		return err
	}
	if len(argv) == 0 {
		return errors.New("no command given")
	}
	ctx, cancel := until(ctx, out)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "POD="+pod, "CONTAINER="+name)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// Output that a left-over child still holds open is not waited for.
	cmd.WaitDelay = time.Second
	if tty {
		err = runInTerminal(cmd, in, out, resize)
	} else {
		err = runPiped(cmd, in, out, errOut)
	}
	return exitStatus(err)
}

func runPiped(cmd *exec.Cmd, in io.Reader, out, errOut io.Writer) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = out, errOut
	if in != nil {
		// Not cmd.Stdin: a command that ends without reading it all must not be waited for.
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			defer stdin.Close()
			io.Copy(stdin, in)
		}()
	}
	return cmd.Run()
}

func runInTerminal(cmd *exec.Cmd, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) error {
	terminal, err := pty.Start(cmd)
	if err != nil {
		return err
	}
	defer terminal.Close()
	go func() {
		for size := range resize {
			pty.Setsize(terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
		}
	}()
	if in != nil {
		go io.Copy(terminal, in)
	}
	// Reading ends, with an error that says nothing, when the last process has closed the terminal.
	io.Copy(out, terminal)
	return cmd.Wait()
}

// exitStatus is err as the streaming library knows an exit code.
func exitStatus(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	code := exit.ExitCode()
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return utilexec.CodeExitError{Code: code, Err: fmt.Errorf("command terminated with exit code %d", code)}
}
