//! What can happen, and how likely it is.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::machine::Bug;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send {
        queue: usize,
        receipt: bool,
        in_transaction: bool,
    },
    /// To one of two queues, in one of two ack modes.
    Subscribe {
        at: usize,
        receipt: bool,
    },
    Unsubscribe(usize),
    /// Somebody else sends.
    Push(usize),
    /// Settles any delivery there ever was.
    Settle {
        token: usize,
        nack: bool,
        receipt: bool,
        in_transaction: bool,
    },
    Begin,
    Commit {
        receipt: bool,
    },
    Abort,
    Disconnect {
        receipt: bool,
    },
    /// A call that has to be refused.
    Wrong(usize),
    /// So many octets arrive at the broker.
    Up(usize),
    /// So many octets arrive at the client.
    Down(usize),
    /// So many octets still arrive, then the connection is gone.
    Cut {
        up: usize,
        down: usize,
    },
    /// The broker ends all connections without a word.
    Restart,
    /// So many attempts to connect are refused.
    Refuse(u8),
    /// The server reports an error and ends, and may name a frame.
    ServerError {
        names_frame: bool,
    },
    /// The server writes anything, and ends.
    Octets(Vec<u8>),
    /// So many ms pass.
    Tick(u64),
    /// The next calls name an instant that lies so many ms back.
    Back(u64),
    /// The driver reads, or does not.
    Pause(bool),
    /// The driver writes, or does not.
    Stall(bool),
}

/// What the application is about to do. Whether it can is another matter, which the connection
/// decides; without intent most calls would be refused.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) version: usize,
    pub(crate) bug: Bug,
    in_transaction: bool,
}

impl ReferenceStateMachine for Intent {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let intent = |version| Self {
            version,
            bug: Bug::None,
            in_transaction: false,
        };
        (0..3_usize).prop_map(intent).boxed()
    }

    fn transitions(intent: &Self) -> BoxedStrategy<Step> {
        let flag = any::<bool>;
        let transaction = match intent.in_transaction {
            false => Just(Step::Begin).boxed(),
            true => prop_oneof![
                2 => flag().prop_map(|receipt| Step::Commit { receipt }),
                1 => Just(Step::Abort),
            ]
            .boxed(),
        };
        let work = prop_oneof![
            8 => (0..2_usize, flag(), flag()).prop_map(|(queue, receipt, in_transaction)| {
                Step::Send { queue, receipt, in_transaction }
            }),
            3 => (0..4_usize, flag()).prop_map(|(at, receipt)| Step::Subscribe { at, receipt }),
            1 => (0..4_usize).prop_map(Step::Unsubscribe),
            2 => (0..2_usize).prop_map(Step::Push),
            8 => (any::<u16>(), any::<u8>(), flag(), flag()).prop_map(
                |(token, nack, receipt, in_transaction)| Step::Settle {
                    token: token.into(),
                    nack: nack < 32,
                    receipt,
                    in_transaction,
                }
            ),
            2 => transaction,
            1 => (0..6_usize).prop_map(Step::Wrong),
        ];
        let network = prop_oneof![
            8 => prop_oneof![Just(4_000), 0..600_usize].prop_map(Step::Up),
            8 => prop_oneof![Just(4_000), 0..600_usize].prop_map(Step::Down),
            4 => prop_oneof![8 => 0..3_000_u64, 1 => Just(16_000), 1 => Just(30 * 86_400_000)]
                .prop_map(Step::Tick),
            1 => (1..2_000_u64).prop_map(Step::Back),
            1 => flag().prop_map(Step::Pause),
            1 => flag().prop_map(Step::Stall),
        ];
        let trouble = prop_oneof![
            8 => (0..900_usize, 0..900_usize).prop_map(|(up, down)| Step::Cut { up, down }),
            1 => Just(Step::Restart),
            1 => (1..3_u8).prop_map(Step::Refuse),
            1 => flag().prop_map(|names_frame| Step::ServerError { names_frame }),
            1 => vec(any::<u8>(), 0..20).prop_map(Step::Octets),
            1 => flag().prop_map(|receipt| Step::Disconnect { receipt }),
        ];
        prop_oneof![10 => work, 10 => network, 1 => trouble].boxed()
    }

    fn apply(mut intent: Self, step: &Step) -> Self {
        match step {
            Step::Begin => intent.in_transaction = true,
            Step::Commit { .. } | Step::Abort | Step::Cut { .. } | Step::Restart => {
                intent.in_transaction = false;
            }
            _ => {}
        }
        intent
    }
}
