use apiserver::continue_token::ContinueToken;

/// Tokens by which lists go on.
///
/// One that is taken leads nowhere else, and is read back as it is written.
pub fn continue_token(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(token) = ContinueToken::decode(text) else {
        return;
    };
    let mut segments = token.start.split('/');
    assert!(segments.all(|segment| !matches!(segment, "" | "." | "..")));
    assert_ne!(token.revision, Some(0));
    assert_eq!(ContinueToken::decode(&token.encode()), Ok(token));
}
