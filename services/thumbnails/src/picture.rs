//! A picture's bytes to a thumbnail's, in bounded memory whatever the bytes are.
//!
//! A PNG comes row by row. A JPEG is decoded at an eighth of its size where it is large, so that 100 megapixels take
//! five megabytes. What a format can only give whole (an interlaced PNG, a progressive JPEG) has a lower limit. All
//! limits are asked of the header, before anything is decoded: a few hundred bytes can claim to be any size.

use std::io::{BufRead, Seek};

use jpeg_decoder::{CodingProcess, PixelFormat};
use png::{BitDepth, ColorType, Transformations};

use crate::shrink::{Shrink, Small};
use crate::stream::Chunks;

/// Pixels on a thumbnail's longer side.
const LONGEST: u16 = 256;
/// Pixels that come row by row.
const PIXELS: u64 = 100_000_000;
/// Pixels that must be held at once: at up to six bytes each, a good quarter of the function's memory.
const PIXELS_HELD: u64 = 24_000_000;
/// Pixels on a side; a row is held at up to eight bytes each.
const SIDE: u32 = 65_535;
/// What a decoder may take for whatever is no picture: colour profiles, tables.
const ASIDE: usize = 16 << 20;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// The thumbnail of a picture, as a PNG: what it needs no decoding for is decided by its first bytes, not by its name.
///
/// # Errors
/// What is wrong with the picture, or that its bytes did not all arrive.
pub fn thumbnail(mut bytes: Chunks) -> Result<Vec<u8>, String> {
    let head = bytes.peek(PNG.len()).map_err(|error| error.to_string())?;
    let small = if head.starts_with(PNG) {
        from_png(bytes)?
    } else if head.starts_with(JPEG) {
        from_jpeg(bytes)?
    } else {
        return Err("neither a PNG nor a JPEG".into());
    };
    as_png(&small).map_err(|error| error.to_string())
}

fn from_png(bytes: impl BufRead + Seek) -> Result<Small, String> {
    let mut decoder = png::Decoder::new_with_limits(bytes, png::Limits { bytes: ASIDE });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let text = |error: png::DecodingError| error.to_string();
    let header = decoder.read_header_info().map_err(text)?;
    let (width, height, interlaced) = (header.width, header.height, header.interlaced);
    let mut shrink = begin(width, height, interlaced)?;
    if interlaced {
        let whole = u64::from(width) * u64::from(height) * 8;
        decoder.set_limits(png::Limits { bytes: ASIDE + usize::try_from(whole).unwrap_or(usize::MAX) });
    }
    let mut reader = decoder.read_info().map_err(text)?;
    let (colours, depth) = reader.output_color_type();
    let pixels = pixels(colours, depth)?;
    if interlaced {
        let mut whole = vec![0; reader.output_buffer_size().ok_or("too large")?];
        let line = reader.next_frame(&mut whole).map_err(text)?.line_size;
        whole.chunks_exact(line).for_each(|row| shrink.row(pixels(row)));
    } else {
        while let Some(row) = reader.next_row().map_err(text)? {
            shrink.row(pixels(row.data()));
        }
    }
    shrink.done().ok_or_else(|| "rows are missing".into())
}

type Pixels = for<'a> fn(&'a [u8]) -> Box<dyn Iterator<Item = [u8; 4]> + 'a>;

fn pixels(colours: ColorType, depth: BitDepth) -> Result<Pixels, String> {
    match (colours, depth) {
        (ColorType::Grayscale, BitDepth::Eight) => {
            Ok(|row| Box::new(row.iter().map(|grey| [*grey, *grey, *grey, 255])))
        }
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => {
            Ok(|row| Box::new(row.chunks_exact(2).map(|one| [one[0], one[0], one[0], one[1]])))
        }
        (ColorType::Rgb, BitDepth::Eight) => Ok(rgb),
        (ColorType::Rgba, BitDepth::Eight) => {
            Ok(|row| Box::new(row.chunks_exact(4).map(|one| [one[0], one[1], one[2], one[3]])))
        }
        _ => Err("colours that are not known".into()),
    }
}

fn rgb<'a>(row: &'a [u8]) -> Box<dyn Iterator<Item = [u8; 4]> + 'a> {
    Box::new(row.chunks_exact(3).map(|one| [one[0], one[1], one[2], 255]))
}

fn from_jpeg(bytes: impl BufRead) -> Result<Small, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let text = |error: jpeg_decoder::Error| error.to_string();
    decoder.read_info().map_err(text)?;
    let header = decoder.info().ok_or("no header")?;
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    begin(width, height, header.coding_process != CodingProcess::DctSequential)?;
    let (grey, bytes_each) = match header.pixel_format {
        PixelFormat::L8 => (true, 1),
        PixelFormat::RGB24 => (false, 3),
        PixelFormat::L16 | PixelFormat::CMYK32 => return Err("colours that are not known".into()),
    };
    let (wide, high) = decoder.scale(LONGEST, LONGEST).map_err(text)?;
    let (wide, high) = (usize::from(wide), usize::from(high));
    decoder.set_max_decoding_buffer_size(wide * high * bytes_each);
    let rows = decoder.decode().map_err(text)?;
    let mut shrink = Shrink::new((wide, high), LONGEST.into());
    for row in rows.chunks_exact(wide * bytes_each) {
        if grey {
            shrink.row(row.iter().map(|grey| [*grey, *grey, *grey, 255]));
        } else {
            shrink.row(rgb(row));
        }
    }
    let small = shrink.done().ok_or("rows are missing")?;
    Ok(small.upright(decoder.exif_data().and_then(orientation).unwrap_or(1)))
}

/// Judges a size by the limits.
fn begin(width: u32, height: u32, held: bool) -> Result<Shrink, String> {
    let (pixels, most) = (u64::from(width) * u64::from(height), if held { PIXELS_HELD } else { PIXELS });
    if pixels == 0 || pixels > most || width > SIDE || height > SIDE {
        return Err(format!("{width} x {height} pixels, at most {most} are read, {SIDE} a side"));
    }
    Ok(Shrink::new((width as usize, height as usize), LONGEST.into()))
}

/// How the camera was held: tag 0x0112 of the first directory of a TIFF header.
fn orientation(exif: &[u8]) -> Option<u16> {
    let little = exif.starts_with(b"II");
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let found = exif.get(at..at.checked_add(bytes)?)?.iter().map(|byte| usize::from(*byte));
        let joined = |sum: usize, byte: usize| sum << 8 | byte;
        Some(if little { found.rev().fold(0, joined) } else { found.fold(0, joined) })
    };
    let directory = number(4, 4)?;
    let entries = directory.checked_add(2)?;
    let entry =
        (0..number(directory, 2)?).map(|place| entries + place * 12).find(|at| number(*at, 2) == Some(0x0112))?;
    u16::try_from(number(entry + 8, 2)?).ok()
}

fn as_png(small: &Small) -> Result<Vec<u8>, png::EncodingError> {
    let opaque = small.pixels.iter().all(|pixel| pixel[3] == 255);
    let (colours, kept) = if opaque { (ColorType::Rgb, 3) } else { (ColorType::Rgba, 4) };
    let size = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size(small.width), size(small.height));
    encoder.set_color(colours);
    encoder.set_depth(BitDepth::Eight);
    let bytes: Vec<u8> = small.pixels.iter().flat_map(|pixel| &pixel[..kept]).copied().collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stream::tests::chunks;

    /// 32 x 16 pixels, left half red, right half blue, made by another program.
    const PHOTO: &[u8] = include_bytes!("../pictures/photo.jpg");
    /// The same, progressive.
    const PROGRESSIVE: &[u8] = include_bytes!("../pictures/progressive.jpg");

    fn made(bytes: &[u8]) -> Result<(u32, u32, Vec<u8>), String> {
        let encoded = thumbnail(chunks(bytes, 97))?;
        let mut reader = png::Decoder::new(std::io::Cursor::new(encoded)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        Ok((frame.width, frame.height, pixels))
    }

    fn picture(width: u32, height: u32, colours: ColorType, row: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(colours);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&row.repeat(height as usize)).unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// A PNG that says this size and has nothing.
    fn bomb(width: u32, height: u32, interlaced: u8) -> Vec<u8> {
        let mut header = b"IHDR".to_vec();
        header.extend(width.to_be_bytes());
        header.extend(height.to_be_bytes());
        header.extend([8, 2, 0, 0, interlaced]);
        let mut bytes = PNG.to_vec();
        bytes.extend(13_u32.to_be_bytes());
        bytes.extend(&header);
        bytes.extend(checksum(&header).to_be_bytes());
        bytes
    }

    fn checksum(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
        })
    }

    #[test]
    fn a_large_png_is_made_small_and_keeps_its_colours() {
        let row = [200, 100, 50].repeat(1000);
        let (width, height, pixels) = made(&picture(1000, 500, ColorType::Rgb, &row)).unwrap();
        assert_eq!((width, height), (256, 128));
        assert!(pixels.chunks_exact(3).all(|pixel| pixel == [200, 100, 50]));
    }

    #[test]
    fn a_small_png_is_not_made_larger_and_keeps_what_shines_through() {
        let (width, height, pixels) = made(&picture(2, 2, ColorType::Rgba, &[9, 8, 7, 100, 1, 2, 3, 255])).unwrap();
        assert_eq!((width, height), (2, 2));
        assert_eq!(pixels, [9, 8, 7, 100, 1, 2, 3, 255, 9, 8, 7, 100, 1, 2, 3, 255]);
    }

    #[test]
    fn grey_is_grey() {
        for (colours, row) in [(ColorType::Grayscale, &[7, 7][..]), (ColorType::GrayscaleAlpha, &[7, 255, 7, 255])] {
            assert_eq!(made(&picture(2, 1, colours, row)).unwrap().2, [7; 6]);
        }
    }

    #[test]
    fn a_photo_is_a_thumbnail_also_a_progressive_one() {
        for photo in [PHOTO, PROGRESSIVE] {
            let (width, height, pixels) = made(photo).unwrap();
            assert_eq!((width, height), (32, 16));
            let at = |x: usize| &pixels[(8 * 32 + x) * 3..][..3];
            assert!(at(4)[0] > 200 && at(4)[2] < 60, "{:?}", at(4));
            assert!(at(28)[0] < 60 && at(28)[2] > 200, "{:?}", at(28));
        }
    }

    #[test]
    fn a_camera_that_was_held_upright_is_heeded() {
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\x00\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let (head, rest) = PHOTO.split_at(2);
        let (width, height, pixels) = made(&[head, exif, rest].concat()).unwrap();
        assert_eq!((width, height), (16, 32));
        assert!(pixels[0] > 200, "left is now above");
    }

    #[test]
    fn what_claims_to_be_too_large_is_refused_before_it_is_decoded() {
        for (width, height, interlaced) in [(60_000, 60_000, 0), (100_000, 1, 0), (1, 100_000, 0), (10_000, 9_000, 1)] {
            let error = made(&bomb(width, height, interlaced)).unwrap_err();
            assert!(error.contains("at most"), "{error}");
        }
        let place = PHOTO.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap() + 5;
        let mut huge = PHOTO.to_vec();
        huge[place..place + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        assert!(made(&huge).unwrap_err().contains("at most"));
    }

    /// What the process has held at most, in kB.
    fn held() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn a_large_picture_is_never_held_as_a_whole() {
        let (width, height) = (4_000, 2_500);
        let mut bytes = Vec::new();
        let encoder = png::Encoder::new(&mut bytes, width, height); // of grey
        let mut writer = encoder.write_header().unwrap();
        let mut stream = writer.stream_writer().unwrap();
        for _ in 0..height {
            std::io::Write::write_all(&mut stream, &vec![9; width as usize]).unwrap();
        }
        stream.finish().unwrap();
        writer.finish().unwrap();
        let before = held();
        assert!(made(&bytes).unwrap().2.iter().all(|byte| *byte == 9));
        let pixels = u64::from(width * height) / 1024;
        let more = held().saturating_sub(before); // the kernel counts a little late
        assert!(more < pixels / 2, "{more} kB more for {pixels} kB of pixels");
    }

    #[test]
    fn what_is_cut_off_or_no_picture_is_refused() {
        let whole = picture(300, 300, ColorType::Rgb, &[1; 900]);
        assert!(made(&whole[..whole.len() / 2]).is_err());
        assert!(made(&PHOTO[..40]).is_err());
        for text in [&b""[..], b"GIF89a", b"%PDF-1.7", b"\xff\xd8"] {
            assert_eq!(made(text).unwrap_err(), "neither a PNG nor a JPEG");
        }
    }

    proptest! {
        #[test]
        fn whatever_follows_a_known_beginning_is_refused_or_made(mut bytes in prop::collection::vec(any::<u8>(), 0..300), jpeg in any::<bool>()) {
            bytes.splice(0..0, (if jpeg { JPEG } else { PNG }).iter().copied());
            let _ = thumbnail(chunks(&bytes, 50));
        }

        #[test]
        fn a_picture_with_some_bytes_changed_is_refused_or_made(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), which in 0..3_usize) {
            let mut bytes = vec![PHOTO.to_vec(), PROGRESSIVE.to_vec(), picture(20, 9, ColorType::Rgb, &[7; 60])].swap_remove(which);
            for (place, byte) in places {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let _ = thumbnail(chunks(&bytes, 50));
        }

        #[test]
        fn whatever_stands_in_exif_it_is_an_orientation_or_none(exif in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = orientation(&exif);
        }
    }
}
