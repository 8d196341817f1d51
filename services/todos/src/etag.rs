//! Versions in HTTP's words: `ETag`, `If-Match`, `If-None-Match` (RFC 9110, 8.8 and 13.1).

/// The entity tags of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever is there.
    Any,
    /// These versions. A tag that is no version of ours is in none of them, and matches nothing.
    Versions {
        /// Written `"7"`.
        strong: Vec<u64>,
        /// Written `W/"7"`: good enough for a copy in a cache, never for a write.
        weak: Vec<u64>,
    },
}

/// Tags a header has at most: DynamoDB compares with 100.
pub const TAGS: usize = 50;

impl Tags {
    /// Reads a header.
    ///
    /// # Errors
    /// When it is no list of entity tags, or one that is too long.
    pub fn read(header: &str) -> Result<Self, &'static str> {
        if header.trim() == "*" {
            return Ok(Self::Any);
        }
        let (mut strong, mut weak) = (Vec::new(), Vec::new());
        let mut rest = header.trim();
        for _ in 0..TAGS {
            let (list, opaque) = match rest.strip_prefix("W/") {
                Some(opaque) => (&mut weak, opaque),
                None => (&mut strong, rest),
            };
            let opaque = opaque.strip_prefix('"').ok_or("is no list of entity tags")?;
            let (tag, after) = opaque.split_once('"').ok_or("is no list of entity tags")?;
            list.extend(version(tag));
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Self::Versions { strong, weak });
            }
            rest = rest.strip_prefix(',').ok_or("is no list of entity tags")?.trim_start();
        }
        Err("has too many entity tags")
    }

    /// Whether a copy of this version is still good: `If-None-Match` takes weak tags too.
    pub fn has(&self, wanted: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions { strong, weak } => strong.contains(&wanted) || weak.contains(&wanted),
        }
    }
}

/// A version as an entity tag.
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

fn version(tag: &str) -> Option<u64> {
    tag.parse().ok().filter(|version: &u64| version.to_string() == tag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strong(versions: &[u64]) -> Tags {
        Tags::Versions { strong: versions.into(), weak: vec![] }
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(Tags::read(" * "), Ok(Tags::Any));
        assert_eq!(Tags::read(&etag(7)), Ok(strong(&[7])));
        assert_eq!(Tags::read(r#""1", "2" ,"3""#), Ok(strong(&[1, 2, 3])));
        assert_eq!(Tags::read(r#"W/"1","2""#), Ok(Tags::Versions { strong: vec![2], weak: vec![1] }));
        assert_eq!(Tags::read(r#""a,b", "07", "", "-1""#), Ok(strong(&[])));
    }

    #[test]
    fn what_is_no_list_is_said() {
        for header in ["", "1", r#"""#, r#""1"#, r#""1" "2""#, r#""1","#, "w/\"1\"", "*, \"1\"", "1, 2"] {
            assert_eq!(Tags::read(header), Err("is no list of entity tags"), "{header}");
        }
        let many = |count| vec![etag(1); count].join(",");
        assert!(Tags::read(&many(TAGS)).is_ok());
        assert_eq!(Tags::read(&many(TAGS + 1)), Err("has too many entity tags"));
    }

    #[test]
    fn a_copy_is_good_by_weak_tags_too() {
        assert!(Tags::read(r#"W/"1""#).unwrap().has(1) && Tags::Any.has(9) && !strong(&[1]).has(2));
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header in any::<String>()) {
            let _ = Tags::read(&header);
        }

        #[test]
        fn a_written_version_is_read(version in any::<u64>()) {
            prop_assert_eq!(Tags::read(&etag(version)), Ok(strong(&[version])));
        }
    }
}
