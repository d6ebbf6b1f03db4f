/// Reads decisions off fuzzed bytes; behind their end everything is zero.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

/// Places at which a stream of bytes is cut: lengths of its pieces, over and
/// over. With none it stays whole.
#[derive(Debug)]
pub(crate) struct Cuts<'a>(&'a [u8]);

/// More lengths make no new situation.
const MAX_CUTS: u8 = 8;

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn u32(&mut self) -> u32 {
        let bytes = self.bytes(4).iter();
        bytes.fold(0, |number, byte| (number << 8) | u32::from(*byte))
    }

    /// The next `len` bytes, or as many as are left.
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// Bytes behind their length, which is one byte.
    pub(crate) fn short(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte());
        self.bytes(len)
    }

    pub(crate) fn cuts(&mut self) -> Cuts<'a> {
        let count = self.byte() % (MAX_CUTS + 1);
        Cuts(self.bytes(usize::from(count)))
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

impl Cuts<'_> {
    /// The pieces of `bytes`, none of them empty.
    pub(crate) fn pieces<'b>(&self, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let mut pieces = Vec::new();
        let mut lengths = self.0.iter().cycle();
        while !bytes.is_empty() {
            let len = lengths
                .next()
                .map_or(bytes.len(), |&len| usize::from(len).clamp(1, bytes.len()));
            let (piece, rest) = bytes.split_at(len);
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}
