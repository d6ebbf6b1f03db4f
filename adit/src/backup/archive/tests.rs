use super::*;

fn key() -> FilePart {
    FilePart {
        place: Place::parse("ca.key").unwrap(),
        secrecy: Secrecy::Private,
        contents: b"secret".to_vec(),
    }
}

fn backup() -> Vec<u8> {
    let mut writing = Writing::new(Vec::new()).unwrap();
    writing.file(&key()).unwrap();
    writing.store(b"first").unwrap();
    writing.store(b"second").unwrap();
    writing.end().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<Part>, ArchiveError> {
    let mut reading = Reading::new(bytes)?;
    let mut parts = Vec::new();
    loop {
        match reading.part()? {
            Part::End => return Ok(parts),
            part @ (Part::File(_) | Part::Store(_)) => parts.push(part),
        }
    }
}

#[test]
fn what_was_written_is_read() {
    let parts = read(&backup()).unwrap();
    let [Part::File(file), Part::Store(first), Part::Store(second)] = parts.as_slice() else {
        panic!("{parts:?}");
    };
    assert_eq!(file.place.path(), "ca.key");
    assert!(matches!(file.secrecy, Secrecy::Private));
    assert_eq!(file.contents, b"secret");
    assert_eq!(
        (first.as_slice(), second.as_slice()),
        (&b"first"[..], &b"second"[..])
    );
}

#[test]
fn every_bit_and_every_length_counts() {
    let whole = backup();
    for at in 0..whole.len() {
        assert!(read(&whole[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            assert!(read(&damaged).is_err(), "bit {bit} of {at}");
        }
    }
    let longer = [whole.as_slice(), b"x"].concat();
    assert!(read(&longer).is_err());
}

#[test]
fn what_is_something_else_is_told_from_what_is_damaged() {
    assert!(matches!(read(b""), Err(ArchiveError::NotOne)));
    assert!(matches!(
        read(b"adit store backup 1\n..."),
        Err(ArchiveError::NotOne)
    ));
    let cut = &backup()[..NAME.len()];
    assert!(matches!(
        read(cut),
        Err(ArchiveError::Damaged("it is cut off"))
    ));
}
