use super::Error;

/// A field's value as it is on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The fields of a message, in its order.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u32, Data<'a>), Error> {
        let tag = varint(&mut self.rest)?;
        let number = u32::try_from(tag >> 3).map_err(|_| Error::Overflow)?;
        let data = match (tag & 7) as u8 {
            0 => Data::Varint(varint(&mut self.rest)?),
            1 => Data::Fixed64(u64::from_le_bytes(*self.array()?)),
            2 => {
                let length = varint(&mut self.rest)?;
                let length = usize::try_from(length).map_err(|_| Error::Truncated)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Error::Truncated)?;
                self.rest = rest;
                Data::Bytes(bytes)
            }
            5 => Data::Fixed32(u32::from_le_bytes(*self.array()?)),
            other => return Err(Error::WireType(other)),
        };
        Ok((number, data))
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }
}

/// Ends after an error.
impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Data<'a>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Takes a number off the front.
pub(super) fn varint(from: &mut &[u8]) -> Result<u64, Error> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = from.split_first().ok_or(Error::Truncated)?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Error::Overflow)
}
