//! The commands of a page, and what it says that they print.

use regex::Regex;

/// The commands of one block, all on one machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Block {
    pub(crate) at: At,
    pub(crate) how: How,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum At {
    Hub,
    Cluster,
}

/// How the commands of a block run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    /// To their end, one after another.
    Ends,
    /// So too, when what stays on the machine was ended.
    AfterInterrupt,
    /// There is one, and it goes on beside those that follow.
    Stays,
}

/// A command, and the lines that stand below it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) printed: Vec<String>,
}

/// Stands for whatever there is in its place.
pub(crate) const ANYTHING: &str = "…";

const MARK: &str = "<!-- walk: ";

impl Block {
    /// The blocks of a page that have a mark above them, such as
    /// `<!-- walk: hub, stays -->`, in their order.
    pub(crate) fn all(page: &str) -> Vec<Self> {
        let mut blocks = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            let Some(mark) = line.strip_prefix(MARK) else {
                continue;
            };
            let mark = mark.strip_suffix(" -->").expect("the mark has an end");
            let (at, how) = mark.split_once(", ").unwrap_or((mark, ""));
            assert_eq!(lines.next(), Some("```console"), "below {line}");
            let body = lines.by_ref().take_while(|line| *line != "```");
            blocks.push(Self {
                at: match at {
                    "hub" => At::Hub,
                    "cluster" => At::Cluster,
                    other => panic!("there is no machine {other}"),
                },
                how: match how {
                    "" => How::Ends,
                    "after Ctrl-C" => How::AfterInterrupt,
                    "stays" => How::Stays,
                    other => panic!("nothing is known of {other}"),
                },
                steps: steps(body),
            });
        }
        blocks
    }
}

fn steps<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                printed: Vec::new(),
            });
        } else {
            let step = steps.last_mut().expect("a command comes first");
            if goes_on {
                step.command.push('\n');
                step.command.push_str(line);
            } else {
                step.printed.push(line.to_owned());
                continue;
            }
        }
        goes_on = line.ends_with('\\');
    }
    steps
}

impl Step {
    /// The first line of the page that the output lacks: each has to be in a
    /// line of it, in this order, however many blanks there are.
    pub(crate) fn missing(&self, output: &str) -> Option<&str> {
        let mut rest = output.lines();
        self.printed
            .iter()
            .find(|wanted| {
                let pattern = pattern(wanted);
                !rest.by_ref().any(|line| pattern.is_match(line))
            })
            .map(String::as_str)
    }
}

fn pattern(line: &str) -> Regex {
    let parts = line.split(ANYTHING).map(|part| {
        let words = part.split_whitespace().map(regex::escape);
        words.collect::<Vec<_>>().join(r"\s+")
    });
    let parts: Vec<String> = parts.collect();
    Regex::new(&parts.join(".*")).expect("what is escaped is a pattern")
}

#[test]
fn a_page_is_read_as_it_stands_there() {
    let page = "x\n<!-- walk: hub, stays -->\n```console\n$ a \\\n    b\nc … d\n```\n\
                ```console\n$ no\n```\n<!-- walk: cluster -->\n```console\n$ e\n$ f\n```\n";
    let step = |command: &str, printed: &[&str]| Step {
        command: command.to_owned(),
        printed: printed.iter().map(|&line| line.to_owned()).collect(),
    };
    let first = step("a \\\n    b", &["c … d"]);
    let blocks = [
        Block {
            at: At::Hub,
            how: How::Stays,
            steps: vec![first.clone()],
        },
        Block {
            at: At::Cluster,
            how: How::Ends,
            steps: vec![step("e", &[]), step("f", &[])],
        },
    ];
    assert_eq!(Block::all(page), blocks);
    assert_eq!(first.missing("x\nc   and d"), None);
    assert_eq!(first.missing("d c"), Some("c … d"));
}
