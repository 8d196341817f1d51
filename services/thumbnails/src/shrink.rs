//! Makes a small picture of rows as they come: what is held is the small one and a single row of sums.

/// A small picture, four bytes a pixel: red, green, blue, opacity.
#[derive(Debug, PartialEq, Eq)]
pub struct Small {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// All rows, one after the other.
    pub pixels: Vec<[u8; 4]>,
}

/// A box filter: each pixel of the small picture is the mean of those it stands for.
#[derive(Debug)]
pub struct Shrink {
    from: (usize, usize),
    small: Small,
    sums: Vec<Sum>,
    row: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    colours: [u64; 3], // each times its opacity: what cannot be seen has no colour
    opacity: u64,
    pixels: u64,
}

impl Shrink {
    /// From a size (neither 0) to one of which neither side is longer than `longest`; never to a larger one.
    pub fn new(from: (usize, usize), longest: usize) -> Self {
        let (width, height) = from;
        let longer = width.max(height);
        let fit = |side: usize| if longer > longest { (side * longest / longer).max(1) } else { side };
        let (width, height) = (fit(width), fit(height));
        let pixels = Vec::with_capacity(width * height);
        Self { from, small: Small { width, height, pixels }, sums: vec![Sum::default(); width], row: 0 }
    }

    /// Takes the next row; pixels beyond the width are left out, and rows beyond the height.
    pub fn row(&mut self, pixels: impl Iterator<Item = [u8; 4]>) {
        let (width, height) = self.from;
        if self.row >= height {
            return;
        }
        for (place, [red, green, blue, opacity]) in pixels.take(width).enumerate() {
            let sum = &mut self.sums[place * self.small.width / width];
            let opacity = u64::from(opacity);
            for (sum, colour) in sum.colours.iter_mut().zip([red, green, blue]) {
                *sum += u64::from(colour) * opacity;
            }
            sum.opacity += opacity;
            sum.pixels += 1;
        }
        self.row += 1;
        let rows = self.small.pixels.len() / self.small.width;
        if self.row * self.small.height / height > rows || self.row == height {
            self.small.pixels.extend(self.sums.iter().map(Sum::mean));
            self.sums.fill(Sum::default());
        }
    }

    /// The small picture; None if rows are missing.
    pub fn done(self) -> Option<Small> {
        (self.row == self.from.1).then_some(self.small)
    }
}

impl Sum {
    fn mean(&self) -> [u8; 4] {
        let byte = |sum: u64, count: u64| u8::try_from((sum + count / 2) / count.max(1)).unwrap_or(u8::MAX);
        let [red, green, blue] = self.colours.map(|colour| byte(colour, self.opacity));
        [red, green, blue, byte(self.opacity, self.pixels)]
    }
}

impl Small {
    /// Turned as EXIF's orientation says a camera was held: 1 to 8, anything else is 1.
    #[must_use]
    pub fn upright(self, orientation: u16) -> Self {
        let Self { width, height, pixels } = self;
        let (wide, high) = if (5..=8).contains(&orientation) { (height, width) } else { (width, height) };
        let mut turned = Vec::with_capacity(pixels.len());
        for row in 0..high {
            for column in 0..wide {
                let (x, y) = match orientation {
                    2 => (width - 1 - column, row),
                    3 => (width - 1 - column, height - 1 - row),
                    4 => (column, height - 1 - row),
                    5 => (row, column),
                    6 => (row, height - 1 - column),
                    7 => (width - 1 - row, height - 1 - column),
                    8 => (width - 1 - row, column),
                    _ => (column, row),
                };
                turned.push(pixels[y * width + x]);
            }
        }
        Self { width: wide, height: high, pixels: turned }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shrunk(width: usize, height: usize, longest: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Small {
        let mut shrink = Shrink::new((width, height), longest);
        for y in 0..height {
            shrink.row((0..width).map(|x| pixel(x, y)));
        }
        shrink.done().unwrap()
    }

    #[test]
    fn a_pixel_is_the_mean_of_those_it_stands_for() {
        let small = shrunk(4, 2, 2, |x, y| [if x < 2 { 10 } else { 200 }, u8::try_from(y * 100).unwrap(), 0, 255]);
        assert_eq!(small, Small { width: 2, height: 1, pixels: vec![[10, 50, 0, 255], [200, 50, 0, 255]] });
    }

    #[test]
    fn what_cannot_be_seen_has_no_colour() {
        let small = shrunk(2, 2, 1, |x, _| if x == 0 { [255, 0, 0, 255] } else { [0, 0, 255, 0] });
        assert_eq!(small.pixels, [[255, 0, 0, 128]]);
    }

    #[test]
    fn a_picture_is_turned_upright() {
        let number = |n: u8| [n, 0, 0, 255];
        let turned = |orientation| {
            let small = Small { width: 3, height: 2, pixels: (1..=6).map(number).collect() }; // 123/456
            let small = small.upright(orientation);
            (small.width, small.pixels.iter().map(|pixel| pixel[0]).collect::<Vec<_>>())
        };
        assert_eq!(turned(1), (3, vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(turned(2), (3, vec![3, 2, 1, 6, 5, 4]));
        assert_eq!(turned(3), (3, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(turned(4), (3, vec![4, 5, 6, 1, 2, 3]));
        assert_eq!(turned(5), (2, vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(turned(6), (2, vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(turned(7), (2, vec![6, 3, 5, 2, 4, 1]));
        assert_eq!(turned(8), (2, vec![3, 6, 2, 5, 1, 4]));
        assert_eq!(turned(9), turned(1));
    }

    proptest! {
        #[test]
        fn one_colour_stays_one_colour_whatever_the_size(width in 1..90_usize, height in 1..90_usize, longest in 1..40_usize, colour in any::<[u8; 3]>()) {
            let [red, green, blue] = colour;
            let small = shrunk(width, height, longest, |_, _| [red, green, blue, 255]);
            prop_assert_eq!(small.pixels.len(), small.width * small.height);
            prop_assert!(small.width.max(small.height) <= longest.min(width.max(height)).max(1));
            prop_assert!(small.pixels.iter().all(|pixel| *pixel == [red, green, blue, 255]));
        }

        #[test]
        fn turning_loses_no_pixel(width in 1..9_usize, height in 1..9_usize, orientation in any::<u16>()) {
            let pixels: Vec<_> = (0..width * height).map(|n| [u8::try_from(n).unwrap(), 0, 0, 255]).collect();
            let small = Small { width, height, pixels: pixels.clone() }.upright(orientation % 10);
            let mut found = small.pixels.clone();
            found.sort_unstable();
            prop_assert_eq!(found, pixels);
            prop_assert_eq!(small.width * small.height, width * height);
        }
    }
}
