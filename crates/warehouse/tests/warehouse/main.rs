//! The warehouse from outside: what goes in, what comes out, and what happens between.

#[cfg(test)]
mod export;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod frontier;
#[cfg(test)]
mod older;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod order;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod search;
#[cfg(test)]
mod site;
