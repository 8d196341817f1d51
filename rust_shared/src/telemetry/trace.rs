//! Where an invocation belongs in a distributed trace: taken in as W3C trace context or as X-Ray's header, and handed
//! out in both forms for the calls that the invocation makes.
//!
//! Sources: W3C "Trace Context" (recommendation, 2021), section 3; AWS X-Ray developer guide, "Tracing header".

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use lambda_http::Context;

use super::invocation::during;

/// An invocation's place in a trace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace {
    /// The whole trace, never zero. X-Ray's `1-5759e988-bd86…` is the same 128 bits.
    pub id: u128,
    /// Who called, never zero; none where the trace begins here.
    pub parent: Option<u64>,
    /// This invocation, never zero: what it calls names it as parent.
    pub span: u64,
    /// Whether the caller keeps this trace.
    pub sampled: bool,
    /// X-Ray's header as Lambda handed it over, for calls that are traced there.
    xray: Option<String>,
}

impl Trace {
    /// The trace of an invocation: the caller's `traceparent` where there is a valid one, else what Lambda says, else a
    /// new one, which nobody keeps unless spans are exported (feature `otlp`).
    #[must_use]
    pub fn of(context: &Context, traceparent: Option<&str>) -> Self {
        let xray = context.xray_trace_id.as_deref();
        let caller = traceparent.and_then(Self::from_traceparent);
        // Lambda says that nobody keeps a trace unless X-Ray does; whoever exports spans keeps them all the same.
        let exported = cfg!(feature = "otlp") && caller.is_none();
        let taken = caller.or_else(|| xray.and_then(Self::from_xray)).unwrap_or_else(Self::begin);
        Self { xray: xray.map(str::to_owned), sampled: taken.sampled || exported, ..taken }
    }

    /// From `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`; later versions may have more behind it.
    #[must_use]
    pub fn from_traceparent(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let known = version == "00" && parts.next().is_none();
        let later = number(version, 2).is_some_and(|version| 0 < version && version < 255);
        let flags = number(flags, 2)?;
        if !known && !later {
            return None;
        }
        Self::taken(number(id, 32)?, u64::try_from(number(parent, 16)?).ok(), flags & 1 == 1)
    }

    /// From `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`, in any order.
    #[must_use]
    pub fn from_xray(text: &str) -> Option<Self> {
        let part = |name: &str| text.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let (time, rest) = part("Root")?.strip_prefix("1-")?.split_once('-')?;
        let id = number(time, 8)? << 96 | number(rest, 24)?;
        let parent = part("Parent").and_then(|parent| u64::try_from(number(parent, 16)?).ok());
        Self::taken(id, parent, part("Sampled") == Some("1"))
    }

    /// A trace that begins here. The first 32 bits are the time, as X-Ray wants it.
    #[must_use]
    pub fn begin() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let id = u128::from(seconds & 0xffff_ffff) << 96 | u128::from(random() >> 32) << 64 | u128::from(random());
        Self { id, parent: None, span: random(), sampled: false, xray: None }
    }

    fn taken(id: u128, parent: Option<u64>, sampled: bool) -> Option<Self> {
        (id != 0 && parent != Some(0)).then(|| Self { id, parent, span: random(), sampled, xray: None })
    }

    /// W3C's header for a call that this invocation makes.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.id, self.span, u8::from(self.sampled))
    }

    /// X-Ray's header for such a call: Lambda's own where there is one, since X-Ray knows only Lambda's segment.
    #[must_use]
    pub fn xray(&self) -> String {
        match &self.xray {
            Some(given) if Self::from_xray(given).is_some_and(|lambda| lambda.id == self.id) => given.clone(),
            _ => {
                let (time, rest) = (self.id >> 96, self.id & ((1 << 96) - 1));
                let sampled = u8::from(self.sampled);
                format!("Root=1-{time:08x}-{rest:024x};Parent={:016x};Sampled={sampled}", self.span)
            }
        }
    }
}

/// The trace of the invocation that is at work in this task; none outside of one.
#[must_use]
pub fn current() -> Option<Trace> {
    during(|one| one.trace.clone())
}

/// The headers that carry the trace on, for a call that this invocation makes; empty outside of one.
///
/// The AWS SDK sends X-Ray's by itself.
#[must_use]
pub fn outgoing() -> Vec<(&'static str, String)> {
    current()
        .map(|trace| vec![("traceparent", trace.traceparent()), ("x-amzn-trace-id", trace.xray())])
        .unwrap_or_default()
}

/// Exactly `digits` lower or upper case hexadecimal digits.
fn number(text: &str, digits: usize) -> Option<u128> {
    let hexadecimal = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// Not for secrets: the standard library's own random keys are what there is without a further crate.
fn random() -> u64 {
    RandomState::new().hash_one(SystemTime::now()).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn context(xray: Option<&str>) -> Context {
        let mut context = Context::default();
        context.xray_trace_id = xray.map(Into::into);
        context
    }

    #[test]
    fn w3c_comes_in_and_goes_out() {
        let trace = Trace::of(&context(Some(XRAY)), Some(W3C));
        assert_eq!((trace.id, trace.parent), (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, Some(0x00f0_67aa_0ba9_02b7)));
        let out = Trace::from_traceparent(&trace.traceparent()).unwrap();
        assert_eq!((out.id, out.parent, out.sampled), (trace.id, Some(trace.span), true));
        // Another trace than Lambda's: its callees on AWS belong to the caller's.
        assert!(trace.xray().starts_with("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent="), "{}", trace.xray());
    }

    #[test]
    fn x_rays_header_is_handed_on_as_lambda_gave_it() {
        let more = format!("{XRAY};Lineage=a87bd80c:1|68fd508a:5|c512fbe3:2");
        let trace = Trace::of(&context(Some(&more)), None);
        assert_eq!((trace.id, trace.parent), (0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793, Some(0x5399_5c3f_42cd_8ad8)));
        assert_eq!(trace.xray(), more);
        assert!(trace.traceparent().starts_with("00-5759e988bd862e3fe1be46a994272793-"));
    }

    #[test]
    fn what_is_no_trace_context_begins_a_trace() {
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let longer = format!("{W3C}-more");
        let forbidden = W3C.replacen("00", "ff", 1);
        for text in ["", "00", zero, zero_parent, &longer, &forbidden, &W3C[1..], "00-+bf92f3577b34da6-1-1"] {
            assert_eq!(Trace::from_traceparent(text), None, "{text}");
        }
        assert!(Trace::from_traceparent(&W3C.replacen("00", "cc", 1)).is_some(), "a later version");
        for text in ["", "Root=", "Root=1-5759e988", "Root=2-5759e988-bd862e3fe1be46a994272793", "Parent=1"] {
            assert_eq!(Trace::from_xray(text), None, "{text}");
        }
        let trace = Trace::of(&context(Some("nonsense")), Some("nonsense"));
        assert!(trace.id != 0 && trace.span != 0 && trace.parent.is_none());
        assert_eq!(trace.sampled, cfg!(feature = "otlp"));
        assert_ne!(trace.id, Trace::begin().id);
    }

    proptest! {
        #[test]
        fn no_header_is_a_panic(text in ".{0,80}") {
            let trace = Trace::of(&context(Some(&text)), Some(&text));
            prop_assert!(Trace::from_traceparent(&trace.traceparent()).is_some());
        }

        #[test]
        fn both_forms_are_the_same_trace(id in 1_u128.., span in 1_u64.., sampled: bool) {
            let trace = Trace { id, parent: None, span, sampled, xray: None };
            let (w3c, xray) = (Trace::from_traceparent(&trace.traceparent()), Trace::from_xray(&trace.xray()));
            for out in [w3c.unwrap(), xray.unwrap()] {
                prop_assert_eq!((out.id, out.parent, out.sampled), (id, Some(span), sampled));
            }
        }
    }
}
