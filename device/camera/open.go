package camera

import (
	"context"
	"fmt"
	"os"
)

// Open opens the camera and looks after it until it is closed. log is told of failures that are
// being mended. A camera that is not there is ErrMissing.
func Open(ctx context.Context, s Spec, log func(error)) (Source, error) {
	switch s.Kind {
	case "folder":
		return openFolder(s)
	case "play":
		return openRecording(s)
	}
	held, asked := Wish(nil), s.wish()
	return Supervise(ctx, func(ctx context.Context) (Source, error) {
		src, err := openOnce(ctx, s)
		if v, ok := src.(*video); ok && err == nil && s.Lock {
			if held, err = v.hold(ctx, held, asked); err != nil {
				v.Close()
			}
		}
		return src, err
	}, log)
}

func openOnce(ctx context.Context, s Spec) (Source, error) {
	switch s.Kind {
	case "video":
		return openVideo(s)
	case "http":
		return openHTTP(ctx, s)
	}
	c, s, err := s.command()
	if err != nil {
		return nil, err
	}
	return startChild(s, c)
}

func openRecording(s Spec) (Source, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	p := NewPlayer(f)
	p.pace = s.FPS > 0
	return p, nil
}
