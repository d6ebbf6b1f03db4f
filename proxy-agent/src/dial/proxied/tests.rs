use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;

/// Plays a proxy that says `answer` whatever it is asked, then the far end's
/// first bytes; what the agent asked, and what it got.
async fn ask(
    url: &str,
    destination: &Destination,
    answer: &[u8],
) -> (Vec<u8>, Result<Vec<u8>, ProxyError>) {
    let proxy: Proxy = url.parse().unwrap();
    let credentials = proxy.credentials.as_ref();
    let (mut near, mut far) = duplex(64 * 1024);
    far.write_all(answer).await.unwrap();
    far.write_all(HUB).await.unwrap();
    far.shutdown().await.unwrap();
    let outcome = match proxy.kind {
        ProxyKind::Http | ProxyKind::Https => {
            http::connect(&mut near, destination, credentials).await
        }
        ProxyKind::Socks5 | ProxyKind::Socks5h => {
            socks::connect(&mut near, destination, credentials).await
        }
    };
    let mut rest = Vec::new();
    near.read_to_end(&mut rest).await.unwrap();
    drop(near);
    let mut asked = Vec::new();
    far.read_to_end(&mut asked).await.unwrap();
    (asked, outcome.map(|()| rest))
}

async fn refusal(url: &str, answer: &[u8]) -> String {
    let (_, outcome) = ask(url, &hub("hub.example.org:8443"), answer).await;
    outcome.unwrap_err().to_string()
}

const HUB: &[u8] = b"the hub's own bytes";

fn hub(text: &str) -> Destination {
    Destination::Host(text.parse().unwrap())
}

#[tokio::test]
async fn http_is_asked_by_name_and_leaves_the_hubs_bytes() {
    let answer = b"HTTP/1.0 204 Fine\r\nVia: me\r\n\r\n";
    let (asked, got) = ask("http://proxy:1", &hub("hub.example.org:8443"), answer).await;
    assert_eq!(
        String::from_utf8(asked).unwrap(),
        "CONNECT hub.example.org:8443 HTTP/1.1\r\nHost: hub.example.org:8443\r\n\r\n"
    );
    assert_eq!(got.unwrap(), HUB);
    let (asked, _) = ask("http://a:b@proxy:1", &hub("[2001:db8::7]:1"), answer).await;
    assert_eq!(
        String::from_utf8(asked).unwrap(),
        "CONNECT [2001:db8::7]:1 HTTP/1.1\r\nHost: [2001:db8::7]:1\r\n\
         Proxy-Authorization: Basic YTpi\r\n\r\n"
    );
}

#[tokio::test]
async fn http_refusals_say_what_to_try() {
    let wanted = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    let message = refusal("http://proxy:1", wanted).await;
    assert!(message.contains("--proxy-credentials"), "{message}");
    assert!(message.contains("(407 Proxy Authentication Required)"));
    let message = refusal("http://anna:hush@proxy:1", wanted).await;
    assert!(message.contains("does not accept this user"), "{message}");
    assert!(!message.contains("hush"), "{message}");
    let message = refusal("http://proxy:1", b"HTTP/1.1 403 No\x1b[2J\xff\r\n\r\n").await;
    assert!(message.contains("(403 No?[2J?)"), "{message}");
    let message = refusal("http://proxy:1", b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
    assert!(message.contains("reach the hub"), "{message}");
}

#[tokio::test]
async fn what_is_no_http_proxy_is_told_as_such() {
    let endless = [b'x'; 20_000];
    for answer in [
        b"SSH-2.0-OpenSSH\r\n".as_slice(),
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/2\r\n\r\n",
        &endless,
    ] {
        let message = refusal("http://proxy:1", answer).await;
        assert!(message.contains("is the proxy's URL right?"), "{message}");
    }
}

#[tokio::test]
async fn socks_is_asked_for_names_and_addresses() {
    let answer = [5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80];
    let (asked, got) = ask("socks5h://proxy", &hub("hub:8443"), &answer).await;
    assert_eq!(asked, b"\x05\x01\x00\x05\x01\x00\x03\x03hub\x20\xfb");
    assert_eq!(got.unwrap(), HUB);
    // Another answer has a name in it.
    let answer = [5, 0, 5, 0, 0, 3, 2, b'm', b'e', 0, 80];
    let address = Destination::Address("192.0.2.7:443".parse().unwrap());
    let (asked, got) = ask("socks5://proxy", &address, &answer).await;
    assert_eq!(asked[3..], [5, 1, 0, 1, 192, 0, 2, 7, 1, 187]);
    assert_eq!(got.unwrap(), HUB);
    let (asked, _) = ask("socks5h://proxy", &hub("[::1]:443"), &answer).await;
    assert_eq!(asked[3..8], [5, 1, 0, 4, 0]);
}

#[tokio::test]
async fn socks_passwords_are_given_where_they_are_asked_for() {
    let answer = [5, 2, 1, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80];
    let password = "p".repeat(255);
    let url = format!("socks5h://anna:{password}@proxy");
    let (asked, got) = ask(&url, &hub("hub:8443"), &answer).await;
    assert_eq!(asked[..10], *b"\x05\x02\x00\x02\x01\x04anna");
    assert_eq!(asked[10], 255);
    assert_eq!(asked[11..266], *password.as_bytes());
    assert_eq!(got.unwrap(), HUB);
    let open = [5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0, 80];
    let (asked, got) = ask(&url, &hub("hub:8443"), &open).await;
    assert!(asked.len() < 100, "it was not asked for");
    assert_eq!(got.unwrap(), HUB);
}

#[tokio::test]
async fn socks_refusals_are_told_by_name() {
    let message = refusal("socks5h://proxy", &[5, 0, 5, 2]).await;
    assert!(message.contains("not allowed by ruleset, SOCKS5 reply 2"));
    let message = refusal("socks5h://proxy", &[5, 0xFF]).await;
    assert!(message.contains("--proxy-credentials"), "{message}");
    let message = refusal("socks5h://anna:hush@proxy", &[5, 2, 1, 1]).await;
    assert!(message.contains("does not accept this user"), "{message}");
    let message = refusal("socks5h://proxy", b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert!(message.contains("is the proxy's URL right?"), "{message}");
}

#[test]
fn a_proxy_error_shows_no_empty_brackets() {
    assert!(!ProxyError::credentials(true, "").to_string().contains('('));
}
