use store::{EventKind, Place, Record, RecordError, Revision};

/// A place in a store's history and the bytes of a record without its checksum,
/// as a damaged disk may give them.
///
/// With a wrong checksum they are no record. With the right one, they are none
/// either or exactly what the record is written as, and that one makes sense.
pub fn store_record(data: &[u8]) {
    let Some((place, body)) = data.split_first_chunk::<{ Place::LEN }>() else {
        return;
    };
    let (revision, sub) = place.split_at(8);
    let place = Place {
        revision: Revision(u64::from_be_bytes(
            revision.try_into().expect("it is cut so"),
        )),
        sub: u32::from_be_bytes(sub.try_into().expect("it is cut so")),
    };
    let crc = crc32fast::hash(&data[..Place::LEN + body.len()]);
    let sealed = [body, &crc.to_le_bytes()].concat();
    let broken = [body, &(!crc).to_le_bytes()].concat();
    assert_eq!(Record::decode(place, &broken), Err(RecordError::Checksum));
    let elsewhere = Place {
        sub: place.sub ^ 1,
        ..place
    };
    assert_eq!(
        Record::decode(elsewhere, &sealed),
        Err(RecordError::Checksum)
    );
    // What is too short to have a checksum, or has none.
    let _ = Record::decode(place, body);
    if let Ok(record) = Record::decode(place, &sealed) {
        assert_eq!(record.encode(place), sealed);
        check(place, &record);
    }
}

fn check(place: Place, record: &Record) {
    let kv = &record.kv;
    assert_eq!(kv.mod_revision, place.revision);
    assert!(!kv.key.as_bytes().is_empty());
    assert!(
        record
            .prev
            .is_none_or(|prev| prev.revision < place.revision)
    );
    match record.kind {
        EventKind::Delete => assert!(kv.value.is_empty() && kv.version == 0),
        EventKind::Put => assert!(kv.create_revision <= kv.mod_revision && kv.version > 0),
    }
}
