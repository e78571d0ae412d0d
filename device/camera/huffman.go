package camera

import "encoding/binary"

// Many cameras leave the Huffman tables out of their JPEGs, as AVI's MJPG allows: those of the
// standard's annex K are meant. withTables appends b to dst with them where b has none.
func withTables(dst, b []byte) []byte {
	at, has := scanStart(b)
	if has || at == 0 {
		return append(dst, b...)
	}
	dst = append(dst, b[:at]...)
	dst = append(dst, standardTables...)
	return append(dst, b[at:]...)
}

// scanStart is where the first scan of a JPEG begins, 0 if it has none, and whether tables stand
// before it.
func scanStart(b []byte) (at int, tables bool) {
	for i := 2; i+4 <= len(b) && b[i] == 0xff; {
		switch b[i+1] {
		case 0xc4:
			return i, true
		case 0xda:
			return i, false
		}
		i += 2 + int(binary.BigEndian.Uint16(b[i+2:]))
	}
	return 0, false
}

// table is one Huffman table of ITU-T T.81 annex K.3: how many codes there are of each length from 1
// to 16, and what they stand for.
type table struct {
	class  byte
	counts [16]byte
	values []byte
}

var dcValues = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}

var annexK = []table{
	{0x00, [16]byte{0, 1, 5, 1, 1, 1, 1, 1, 1}, dcValues},
	{0x10, [16]byte{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125}, acValues("\x01\x02\x03\x00\x04\x11\x05\x12!1A\x06\x13Qa\x07\"q\x142\x81\x91\xa1\x08#B\xb1\xc1\x15R\xd1\xf0$3br\x82\x09\x0a")},
	{0x01, [16]byte{0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, dcValues},
	{0x11, [16]byte{0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119}, acValues("\x00\x01\x02\x03\x11\x04\x05!1\x06\x12AQ\x07aq\x13\"2\x81\x08\x14B\x91\xa1\xb1\xc1\x09#3R\xf0\x15br\xd1\x0a\x16$4\xe1%\xf1\x17\x18\x19\x1a")},
}

// acValues is the values of a table of coefficients: those with a length of their own, then all
// others in order, run in the high half from 0 to 15, size in the low from 1 to 10.
func acValues(first string) []byte {
	values := []byte(first)
	have := map[byte]bool{}
	for _, v := range values {
		have[v] = true
	}
	for run := range 16 {
		for size := 1; size <= 10; size++ {
			if v := byte(run<<4 | size); !have[v] {
				values = append(values, v)
			}
		}
	}
	return values
}

var standardTables = func() []byte {
	var b []byte
	for _, t := range annexK {
		b = append(b, 0xff, 0xc4)
		b = binary.BigEndian.AppendUint16(b, uint16(2+1+16+len(t.values)))
		b = append(append(append(b, t.class), t.counts[:]...), t.values...)
	}
	return b
}()

// JPEG is the file in a frame of MJPEG, with the Huffman tables that cameras leave out.
func JPEG(f *Frame) []byte { return withTables(nil, f.Planes[0].Pix) }
