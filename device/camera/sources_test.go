package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/device/v4l2"
)

// TestMain lets the test binary be a camera's child process: see childMain.
func TestMain(m *testing.M) {
	if what := os.Getenv("CAMERA_TEST_CHILD"); what != "" {
		childMain(what)
		return
	}
	os.Exit(m.Run())
}

// childMain writes frames as the helper programs of cameras do.
func childMain(what string) {
	switch what {
	case "raw": // three frames of 4×2 I420, numbered by their bytes, lines padded to 8
		for i := range 3 {
			os.Stdout.Write(bytes.Repeat([]byte{byte(i + 1)}, 8*2+4*1+4*1))
		}
		fmt.Fprintln(os.Stderr, "the cable\nis loose")
	case "stream":
		r := NewRecorder(os.Stdout)
		for i := range 3 {
			f := frameOf(Grey, 4, 2, 0, bytes.Repeat([]byte{byte(i)}, 8))
			f.Sequence = uint64(10 + 2*i)
			r.Write(f)
		}
	case "silent":
		time.Sleep(time.Hour)
	}
}

func testChild(t *testing.T, what string, s Spec) Source {
	t.Helper()
	t.Setenv("CAMERA_TEST_CHILD", what)
	c, err := startChild(s, Command{os.Args[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRawChild(t *testing.T) {
	src := testChild(t, "raw", Spec{Raw: true, Pixel: I420, Width: 4, Height: 2, Stride: 8})
	var f Frame
	for i := range 3 {
		if err := src.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
		if f.check() != nil || f.Sequence != uint64(i) || f.Planes[0].Pix[0] != byte(i+1) || f.Planes[0].Stride != 8 || f.Planes[2].Stride != 4 {
			t.Errorf("frame %d is %+v, %v", i, f, f.check())
		}
	}
	if err := src.Next(t.Context(), &f); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "ended after 3 frames; it said: the cable is loose") {
		t.Errorf("the child has ended: %v", err)
	}
}

func TestStreamChild(t *testing.T) {
	src := testChild(t, "stream", Spec{})
	var f Frame
	for i := range 3 {
		if err := src.Next(t.Context(), &f); err != nil || f.Sequence != uint64(10+2*i) || f.Format != (Format{Pixel: Grey, Width: 4, Height: 2}) {
			t.Errorf("frame %d is %+v, %v", i, f, err)
		}
	}
}

// A child that says nothing ends the wait, and its process with it.
func TestSilentChild(t *testing.T) {
	src := testChild(t, "silent", Spec{}).(*child)
	src.limit = 50 * time.Millisecond
	var f Frame
	if err := src.Next(t.Context(), &f); err == nil || !strings.Contains(err.Error(), "no frame within 50ms") {
		t.Errorf("a silent child: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	src.limit = time.Hour
	if err := src.Next(ctx, &f); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the context ends: %v", err)
	}
	src.Close()
	if src.cmd.ProcessState == nil {
		t.Error("the child goes on")
	}
}

func TestMissingProgram(t *testing.T) {
	s, err := ParseSpec("exec:no-such-camera-program --fast")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), s, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("%v, want ErrMissing", err)
	}
}

// What is recorded is what is played.
func TestRecordingIsPlayed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "line.frames")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRecorder(w)
	var want []*Frame
	for i, p := range []Pixel{YUYV, NV12, MJPEG} {
		f := encode(p, 6, 4, 0, byte(i), 2, 3)
		if p == MJPEG {
			f = frameOf(MJPEG, 16, 8, 0, noise(t, 16, 8))
		}
		f.Sequence, f.Lost, f.Time, f.Damaged, f.Reopened, f.BT709 = uint64(i), uint64(i), time.Duration(i), i == 1, i == 2, i == 0
		want = append(want, f)
		if err := r.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	s, err := ParseSpec(path)
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got Frame
	for i, f := range want {
		if err := src.Next(t.Context(), &got); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", *f) {
			t.Errorf("frame %d is %+v, want %+v", i, got, *f)
		}
	}
	if err := src.Next(t.Context(), &got); err != io.EOF {
		t.Errorf("after the last frame: %v, want EOF", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	m.Set(2, 1, color.NRGBA{9, 8, 7, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"b.jpg": noise(t, 16, 8), "a.png": b.Bytes(), "notes.txt": nil, ".hidden.jpg": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := ParseSpec(dir + ",loop")
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	for i := range uint64(4) {
		if err := src.Next(t.Context(), &f); err != nil || f.Sequence != i {
			t.Fatalf("frame %d: %+v, %v", i, f, err)
		}
		want := Format{Pixel: RGB, Width: 3, Height: 2}
		if i%2 == 1 {
			want = Format{Pixel: MJPEG, Width: 16, Height: 8, Full: true}
		}
		if f.Format != want || i%2 == 0 && [3]byte(f.Planes[0].Pix[15:]) != [3]byte{9, 8, 7} {
			t.Errorf("frame %d is %+v, want %v", i, f, want)
		}
	}
	if _, err := Open(t.Context(), Spec{Kind: "folder", Path: t.TempDir()}, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty folder: %v", err)
	}
}

// server answers with a stream of pictures, then breaks off.
func server(t *testing.T, contentType, boundary string, pictures ...[]byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for _, p := range pictures {
			fmt.Fprintf(w, "%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", boundary, len(p), p)
			w.(http.Flusher).Flush()
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestHTTP(t *testing.T) {
	a, b := noise(t, 16, 8), noise(t, 32, 16)
	for _, c := range [][2]string{{"multipart/x-mixed-replace; boundary=frame", "--frame"}, {"multipart/x-mixed-replace;boundary=--frame", "--frame"}} {
		src, err := openHTTP(t.Context(), Spec{Path: server(t, c[0], c[1], a, []byte("no picture"), b)})
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		for i, want := range [][]byte{a, b} {
			if err := src.Next(t.Context(), &f); err != nil || !bytes.Equal(f.Planes[0].Pix, want) || f.Sequence != uint64(i) || f.Damaged {
				t.Errorf("%s, frame %d: %v, %v", c[0], i, f.Format, err)
			}
		}
		if err := src.Next(t.Context(), &f); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: the stream has broken off: %v", c[0], err)
		}
		src.Close()
	}
}

func TestHTTPRefuses(t *testing.T) {
	if _, err := openHTTP(t.Context(), Spec{Path: server(t, "text/html", "")}); err == nil {
		t.Error("a page passes for a stream")
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if _, err := openHTTP(t.Context(), Spec{Path: s.URL}); !errors.Is(err, ErrMissing) {
		t.Errorf("not found: %v, want ErrMissing", err)
	}
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	m := &mjpeg{limit: 50 * time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	m.cancel = cancel
	if err := m.connect(ctx, silent.URL); err == nil {
		t.Error("a silent server answers")
	}
}

// flaky fails after two frames, each time.
type flaky struct{ given uint64 }

func (s *flaky) Next(ctx context.Context, f *Frame) error {
	if s.given == 2 {
		return errors.New("unplugged")
	}
	*f = *encode(Grey, 2, 2, 0, 1, 0, 0)
	f.Sequence = s.given
	s.given++
	return nil
}

func (s *flaky) Close() error { return nil }

func TestSupervisedSourceReturns(t *testing.T) {
	opened, failures := 0, 0
	s, err := Supervise(t.Context(), func(context.Context) (Source, error) {
		opened++
		if opened == 2 {
			return nil, ErrMissing
		}
		return &flaky{}, nil
	}, func(error) { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	for i := range uint64(5) {
		s.pause = time.Millisecond
		if err := s.Next(t.Context(), &f); err != nil || f.Sequence != i || f.Reopened != (i == 2 || i == 4) {
			t.Errorf("frame %d is number %d, reopened %t, %v", i, f.Sequence, f.Reopened, err)
		}
	}
	if s.Restarts != 2 || failures != 3 || opened != 4 {
		t.Errorf("%d restarts, %d failures told, opened %d times; want 2, 3, 4", s.Restarts, failures, opened)
	}
	if _, err := Supervise(t.Context(), func(context.Context) (Source, error) { return nil, ErrMissing }, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("a camera that never was: %v", err)
	}
}

func TestNumbers(t *testing.T) {
	var n number
	for i, c := range []struct {
		in          uint32
		count, lost uint64
	}{{1<<32 - 2, 0, 0}, {1<<32 - 1, 1, 0}, {0, 2, 0}, {3, 5, 2}, {3, 6, 0}, {0, 7, 0}, {1, 8, 0}} {
		if count, lost := n.next(c.in); count != c.count || lost != c.lost {
			t.Errorf("step %d: %d is frame %d after %d lost, want %d after %d", i, c.in, count, lost, c.count, c.lost)
		}
	}
}

// TestWish: what a specification asks of a lock, in the units of the kernel's controls.
func TestWish(t *testing.T) {
	s, err := ParseSpec("/dev/video0,lock,shutter=2ms,gain=3,white=4600,focus=0")
	if err != nil {
		t.Fatal(err)
	}
	want := Wish{v4l2.CtrlExposureAbsolute: 20, v4l2.CtrlGain: 3, v4l2.CtrlWhiteTemperature: 4600, v4l2.CtrlFocusAbsolute: 0}
	if got := s.wish(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if s, err = ParseSpec("/dev/video0,lock"); err != nil || len(s.wish()) != 0 {
		t.Errorf("%v, %v; want nothing", s.wish(), err)
	}
}

func TestSpecs(t *testing.T) {
	for text, want := range map[string]Spec{
		"/dev/video2":                             {Kind: "video", Path: "/dev/video2", Width: 640, Height: 480},
		"/dev/video0,size=1280x720,format=MJPG":   {Kind: "video", Path: "/dev/video0", Width: 1280, Height: 720, Pixel: MJPEG},
		"rpicam,size=1536x864,fps=30,shutter=5ms": {Kind: "rpicam", Width: 1536, Height: 864, FPS: 30, Shutter: 5 * time.Millisecond},
		"http://camera/stream":                    {Kind: "http", Path: "http://camera/stream", Width: 640, Height: 480},
		"a/b.jpg,loop":                            {Kind: "folder", Path: "a/b.jpg", Width: 640, Height: 480, Loop: true},
	} {
		want.Focus = -1
		if got, err := ParseSpec(text); err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "camera", "exec:", "/dev/video0,size=0x1", "/dev/video0,size=axb", "/dev/video0,zoom=2", "/dev/video0,format=H264", "rpicam,fps=NaN", "rpicam,fps=1e9", "/dev/video0,"} {
		if s, err := ParseSpec(text); !errors.Is(err, ErrSpec) {
			t.Errorf("%q is %+v, %v; want ErrSpec", text, s, err)
		}
	}
}

// A child is started with its arguments as they are: nothing in an address is a shell's.
func TestCommands(t *testing.T) {
	for text, want := range map[string]string{
		"rpicam,size=1280x720,fps=30,shutter=5ms,gain=2,red=1.5,blue=1.75": "rpicam-vid|--nopreview|--timeout|0|--codec|yuv420|--camera|0|--width|1280|--height|720|--flush|--output|-|--framerate|30|--shutter|5000|--gain|2|--awbgains|1.5,1.75",
		"argus,sensor=1,fps=29.97,shutter=4ms,gain=1":                      "gst-launch-1.0|-q|nvarguscamerasrc|sensor-id=1|exposuretimerange=4000000 4000000|aelock=true|awblock=true|gainrange=1 1|ispdigitalgainrange=1 1|!|nvvidconv|!|videorate|!|video/x-raw,format=I420,width=640,height=480,framerate=29970/1000|!|fdsink|fd=1",
		"rtsp://cam/a b;$(reboot)":                                         "gst-launch-1.0|-q|rtspsrc|location=rtsp://cam/a b;$(reboot)|latency=0|!|decodebin|!|videoconvert|!|videoscale|!|video/x-raw,format=I420,width=640,height=480|!|fdsink|fd=1",
	} {
		s, err := ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		c, s, err := s.command()
		if got := strings.Join(c, "|"); err != nil || got != want || !s.Raw || s.Pixel != I420 {
			t.Errorf("%s runs %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"rpicam,size=650x480", "argus,size=642x480"} {
		s, _ := ParseSpec(text)
		if _, _, err := s.command(); !errors.Is(err, ErrSpec) {
			t.Errorf("%s: %v, want ErrSpec", text, err)
		}
	}
}
