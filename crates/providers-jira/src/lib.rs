//! Jira's dialect: requests out, answers in.
